//! Runs the real binary in a pseudo-terminal. Tests wait for the screen before they press a key.

use std::{
    io::{Read as _, Write},
    num::NonZeroU16,
    thread,
    time::Duration,
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};
use vt100::{Callbacks, Parser, Screen};

use crate::operator::Operator;

const ROWS: u16 = 40;
const COLUMNS: u16 = 120;
/// Rows of the scrollback.
const HISTORY: usize = 1000;
/// Only a program that hangs takes this long.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What the terminal answers to a program that asks where its cursor is.
#[derive(Default)]
struct Answers(String);

impl Callbacks for Answers {
    fn unhandled_csi(
        &mut self,
        screen: &mut Screen,
        _: Option<u8>,
        _: Option<u8>,
        parameters: &[&[u16]],
        c: char,
    ) {
        if c == 'n' && parameters == [[6]] {
            let (row, column) = screen.cursor_position();
            self.0 += &format!("\x1b[{};{}R", row + 1, column + 1);
        }
    }
}

pub struct Terminal {
    parser: Parser<Answers>,
    /// Output of the program, until it closes its end.
    output: mpsc::UnboundedReceiver<Vec<u8>>,
    keys: Box<dyn Write + Send>,
    process: Box<dyn Child + Send + Sync>,
    device: Box<dyn MasterPty + Send>,
    /// The settings of the terminal before the program started.
    settings: String,
}

/// The result when the program has ended.
pub struct Left {
    pub code: u32,
    pub text: String,
}

impl Terminal {
    /// Starts the program in a new terminal.
    pub fn run(operator: &Operator, arguments: &[&str]) -> Self {
        Self::run_as("xterm-256color", operator, arguments)
    }

    /// The same in a terminal of this kind.
    pub fn run_as(kind: &str, operator: &Operator, arguments: &[&str]) -> Self {
        let size = PtySize {
            rows: ROWS,
            cols: COLUMNS,
            ..PtySize::default()
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let settings = settings(&*pair.master);
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_transship"));
        command.args(arguments);
        command.env_clear();
        for (name, value) in operator.environment() {
            command.env(name, value);
        }
        command.env("TERM", kind);
        command.env("LANG", "C.UTF-8");
        let process = pair.slave.spawn_command(command).unwrap();
        // The program has the only other end, so the output ends with it.
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = mpsc::unbounded_channel();
        thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let size = |length| NonZeroU16::new(length).unwrap();
        Self {
            parser: Parser::new_with_callbacks(
                size(ROWS),
                size(COLUMNS),
                HISTORY,
                Answers::default(),
            ),
            output,
            keys: pair.master.take_writer().unwrap(),
            process,
            device: pair.master,
            settings,
        }
    }

    fn take_in(&mut self, bytes: &[u8]) {
        self.parser.process(bytes);
        let answers = std::mem::take(&mut self.parser.callbacks_mut().0);
        // A program that has ended needs no answer.
        let _ = self.keys.write_all(answers.as_bytes());
    }

    /// Changes the width. The text of the screen stays where it is.
    pub fn set_width(&mut self, columns: u16) {
        let size = PtySize {
            rows: ROWS,
            cols: columns,
            ..PtySize::default()
        };
        self.device.resize(size).unwrap();
        let length = |length| NonZeroU16::new(length).unwrap();
        (self.parser.screen_mut()).set_size(length(ROWS), length(columns));
    }

    /// The screen when it is scrolled back by so many rows, at most.
    pub fn scrolled_back(&mut self, rows: usize) -> String {
        let screen = self.parser.screen_mut();
        screen.set_scrollback(rows);
        let text = screen.contents();
        screen.set_scrollback(0);
        text
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until the screen fulfils a condition.
    pub async fn until(&mut self, condition: impl Fn(&Screen) -> bool) {
        // One deadline in all: the clock on the screen redraws for ever.
        let deadline = Instant::now() + TIMEOUT;
        while !condition(self.parser.screen()) {
            match timeout_at(deadline, self.output.recv()).await {
                Ok(Some(bytes)) => self.take_in(&bytes),
                Ok(None) => panic!("the program ended before:\n{}", self.text()),
                Err(_) => panic!("it does not happen:\n{}", self.text()),
            }
        }
    }

    pub fn process(&self) -> u32 {
        self.process.process_id().unwrap()
    }

    pub async fn says(&mut self, text: &str) {
        self.until(|screen| screen.contents().contains(text)).await;
    }

    /// Waits until the table shows an image with this state, which is in the column before the name.
    pub async fn shows(&mut self, state: &str, image: &str) {
        let is_row = |row: String| {
            let (state, image) = (row.find(state), row.find(image));
            state.is_some() && image.is_some() && state < image
        };
        self.until(|screen| screen.rows(0, COLUMNS).any(is_row))
            .await;
    }

    /// Waits for the end, and checks that the terminal is as before.
    pub async fn end(mut self) -> Left {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            match timeout_at(deadline, self.output.recv()).await {
                Ok(Some(bytes)) => self.take_in(&bytes),
                Ok(None) => break,
                Err(_) => panic!("the program does not end:\n{}", self.text()),
            }
        }
        let code = self.process.wait().unwrap().exit_code();
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen());
        assert!(!screen.hide_cursor());
        assert!(!screen.bracketed_paste());
        assert_eq!(settings(&*self.device), self.settings);
        Left {
            code,
            text: self.text(),
        }
    }

    pub fn text(&self) -> String {
        self.parser.screen().contents()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It still runs only if a test failed.
        let _ = self.process.kill();
    }
}

/// The settings of the terminal, such as echo and line mode.
fn settings(device: &dyn MasterPty) -> String {
    format!("{:?}", device.get_termios().unwrap())
}

//! The real binary in a terminal of its own, and a person who reads the screen before pressing a key.

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
use vt100::{Parser, Screen};

use crate::operator::Operator;

const ROWS: u16 = 40;
const COLUMNS: u16 = 120;
/// Only a program that hangs takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Terminal {
    parser: Parser,
    /// What the program writes, until it has closed its end.
    output: mpsc::UnboundedReceiver<Vec<u8>>,
    keys: Box<dyn Write + Send>,
    process: Box<dyn Child + Send + Sync>,
    device: Box<dyn MasterPty + Send>,
    /// How the terminal treated input before the program came.
    treatment: String,
}

/// What is left when the program has ended.
pub struct Left {
    pub code: u32,
    pub text: String,
}

impl Terminal {
    /// Starts the program in a new terminal.
    pub fn run(operator: &Operator, arguments: &[&str]) -> Self {
        let size = PtySize {
            rows: ROWS,
            cols: COLUMNS,
            ..PtySize::default()
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let treatment = treatment(&*pair.master);
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_transship"));
        command.args(arguments);
        command.env_clear();
        for (name, value) in operator.environment() {
            command.env(name, value);
        }
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        let process = pair.slave.spawn_command(command).unwrap();
        // The program has the only other end: when it is gone, so is the output.
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
            parser: Parser::new(size(ROWS), size(COLUMNS), 0),
            output,
            keys: pair.master.take_writer().unwrap(),
            process,
            device: pair.master,
            treatment,
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Watches the screen until it is as wanted.
    pub async fn until(&mut self, wanted: impl Fn(&Screen) -> bool) {
        // One deadline for all of it: a clock on the screen draws for ever.
        let deadline = Instant::now() + PATIENCE;
        while !wanted(self.parser.screen()) {
            match timeout_at(deadline, self.output.recv()).await {
                Ok(Some(bytes)) => self.parser.process(&bytes),
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

    /// Watches until the table says of an image what is wanted; there the word comes before the name.
    pub async fn shows(&mut self, word: &str, image: &str) {
        let is_row = |row: String| {
            let (word, image) = (row.find(word), row.find(image));
            word.is_some() && image.is_some() && word < image
        };
        self.until(|screen| screen.rows(0, COLUMNS).any(is_row))
            .await;
    }

    /// Reads what the program leaves behind, and finds the terminal as it was.
    pub async fn end(mut self) -> Left {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match timeout_at(deadline, self.output.recv()).await {
                Ok(Some(bytes)) => self.parser.process(&bytes),
                Ok(None) => break,
                Err(_) => panic!("the program does not end:\n{}", self.text()),
            }
        }
        let code = self.process.wait().unwrap().exit_code();
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen());
        assert!(!screen.hide_cursor());
        assert!(!screen.bracketed_paste());
        assert_eq!(treatment(&*self.device), self.treatment);
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
        // It has ended already, unless a test failed.
        let _ = self.process.kill();
    }
}

/// Line by line or key by key, echoed or not: the terminal's settings, to be compared.
fn treatment(device: &dyn MasterPty) -> String {
    format!("{:?}", device.get_termios().unwrap())
}

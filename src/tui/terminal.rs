//! The terminal as the program takes it and gives it back.
//!
//! Invariant: whatever ends the program's use of the screen - a return, an error, a panic - dropping the
//! [`TerminalGuard`] gives the terminal back, and only then are panic messages printed, where they can be read.

use std::{
    io::{self, BufWriter, IsTerminal as _, Stdout, Write as _},
    mem::ManuallyDrop,
    panic,
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crossterm::{
    clipboard::CopyToClipboard,
    cursor, execute,
    terminal::{
        BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
        disable_raw_mode, enable_raw_mode,
    },
};
use ratatui::{Frame, Terminal, backend::CrosstermBackend, layout::Size};

/// While true, a panic's message would be drawn over and lost.
static TAKEN: AtomicBool = AtomicBool::new(false);
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static HOOK: Once = Once::new();

pub struct TerminalGuard {
    /// Never dropped: when the terminal is gone that would print so, to a terminal that is gone, and panic.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
}

/// Whether there is a terminal to be taken.
///
/// # Errors
/// Why there is none.
pub fn check_terminal() -> io::Result<()> {
    enable_raw_mode()?;
    disable_raw_mode()
}

impl TerminalGuard {
    pub fn take() -> io::Result<Self> {
        if !io::stdout().is_terminal() {
            return Err(io::Error::other("standard output is not a terminal"));
        }
        HOOK.call_once(keep_panics_until_the_screen_is_given_back);
        // A whole frame is one write.
        let out = BufWriter::with_capacity(1 << 16, io::stdout());
        let terminal = Terminal::new(CrosstermBackend::new(out))?;
        // From here on dropping gives back what was taken so far.
        let mut guard = Self {
            terminal: ManuallyDrop::new(terminal),
        };
        guard.enter()?;
        Ok(guard)
    }

    pub fn size(&self) -> io::Result<Size> {
        self.terminal.size()
    }

    pub fn draw(&mut self, view: impl FnOnce(&mut Frame)) -> io::Result<()> {
        // Terminals that know it show the frame at once; the others ignore it.
        execute!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(view)?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Puts text on the clipboard of whoever sits at the terminal, through ssh as well (OSC 52). Terminals
    /// that do not know it ignore it. The text is encoded, so nothing in it can steer the terminal.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(
            self.terminal.backend_mut(),
            CopyToClipboard::to_clipboard_from(text)
        )
    }

    pub fn ring(&mut self) -> io::Result<()> {
        let out = self.terminal.backend_mut();
        out.write_all(b"\x07")?;
        io::Write::flush(out)
    }

    /// Gives the terminal back, stops the process until the shell lets it go on, and takes it again.
    #[cfg(unix)]
    pub fn suspend(&mut self) -> io::Result<()> {
        leave();
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        self.enter()?;
        self.terminal.clear()
    }

    #[cfg(not(unix))]
    pub fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn enter(&mut self) -> io::Result<()> {
        TAKEN.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, cursor::Hide)
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        leave();
        let panics = std::mem::take(&mut *PANICS.lock().unwrap_or_else(PoisonError::into_inner));
        for panic in panics {
            // Nothing is left to tell it to when standard error is gone.
            let _ = writeln!(io::stderr(), "{panic}");
        }
    }
}

fn leave() {
    // Each step is tried even if the one before failed: the terminal may have died.
    let _ = execute!(io::stdout(), LeaveAlternateScreen, cursor::Show);
    let _ = disable_raw_mode();
    TAKEN.store(false, Ordering::SeqCst);
}

/// A panic in another task must not tear the screen, and one in this task must not lose its message.
fn keep_panics_until_the_screen_is_given_back() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if TAKEN.load(Ordering::SeqCst) {
            let mut panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
            panics.push(info.to_string());
        } else {
            before(info);
        }
    }));
}

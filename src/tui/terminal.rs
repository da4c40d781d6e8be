//! Sets the terminal up for full-screen use, and restores it.
//!
//! Invariant: dropping the [`TerminalGuard`] restores the terminal after a return, an error and a panic; panic messages
//! are printed after that.

use std::{
    io::{self, BufWriter, IsTerminal as _, Stdout, Write as _},
    mem::ManuallyDrop,
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

use super::panic_messages;

pub struct TerminalGuard {
    /// Never dropped: its `drop` prints an error when the terminal is gone, and that panics.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
}

/// Whether `TERM` says that the terminal cannot move its cursor, or names none.
#[must_use]
pub fn is_dumb() -> bool {
    // Windows does not set it.
    std::env::var_os("TERM").map_or(cfg!(unix), |name| name.is_empty() || name == "dumb")
}

/// Checks that there is a usable terminal.
///
/// # Errors
/// When raw mode fails.
pub fn check_terminal() -> io::Result<()> {
    enable_raw_mode()?;
    disable_raw_mode()
}

impl TerminalGuard {
    pub fn enter() -> io::Result<Self> {
        if !io::stdout().is_terminal() {
            return Err(io::Error::other("standard output is not a terminal"));
        }
        // A whole frame is one write.
        let out = BufWriter::with_capacity(1 << 16, io::stdout());
        let terminal = Terminal::new(CrosstermBackend::new(out))?;
        // From here on, dropping restores what was set up so far.
        let mut guard = Self {
            terminal: ManuallyDrop::new(terminal),
        };
        guard.set_up()?;
        Ok(guard)
    }

    pub fn size(&self) -> io::Result<Size> {
        self.terminal.size()
    }

    pub fn draw(&mut self, view: impl FnOnce(&mut Frame)) -> io::Result<()> {
        // Shows the frame at once in terminals that support it.
        execute!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(view)?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Copies text to the clipboard of the operator's machine, also through ssh (OSC 52), if the terminal supports it.
    /// The text is base64, so it cannot contain escape sequences.
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

    /// Restores the terminal, stops the process until the shell resumes it, and sets the terminal up again.
    #[cfg(unix)]
    pub fn suspend(&mut self) -> io::Result<()> {
        restore();
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        self.set_up()?;
        self.terminal.clear()
    }

    #[cfg(not(unix))]
    pub fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn set_up(&mut self) -> io::Result<()> {
        panic_messages::hold();
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, cursor::Hide)
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        restore();
    }
}

fn restore() {
    // Every step runs, even if the one before failed.
    let _ = execute!(io::stdout(), LeaveAlternateScreen, cursor::Show);
    let _ = disable_raw_mode();
    panic_messages::release();
}

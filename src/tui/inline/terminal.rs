//! The terminal of the lines in place.
//!
//! Decides what is set up, and whether it can be. Invariant: dropping an [`InlineTerminal`] removes the lines in place and
//! restores the terminal, after a return, an error and a panic.

use std::io::{self, BufWriter, IsTerminal as _, Stdout};

use crossterm::{
    cursor, execute,
    terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate},
};
use ratatui::backend::CrosstermBackend;

use super::{
    echo::{EchoOff, is_in_foreground},
    model::InlineModel,
    scroll_line::ScrollLine,
    viewport::Viewport,
};
use crate::tui::{panic_messages, terminal::is_dumb};

type StdoutBackend = CrosstermBackend<BufWriter<Stdout>>;

pub struct InlineTerminal {
    viewport: Viewport<StdoutBackend>,
    /// None while the process is suspended.
    echo: Option<EchoOff>,
}

/// Whether the terminal can show lines in place: it moves its cursor and says where that is, and this process is in its
/// foreground.
#[must_use]
pub fn can_draw_inline() -> bool {
    !is_dumb() && io::stdout().is_terminal() && is_in_foreground() && cursor::position().is_ok()
}

impl InlineTerminal {
    pub fn enter() -> io::Result<Self> {
        // A whole frame is one write.
        let out = BufWriter::with_capacity(1 << 16, io::stdout());
        let mut entered = Self {
            viewport: Viewport::new(CrosstermBackend::new(out))?,
            echo: None,
        };
        entered.set_up()?;
        Ok(entered)
    }

    /// Inserts `lines` above, and draws the lines in place.
    pub fn draw(&mut self, model: &InlineModel, lines: &[ScrollLine]) -> io::Result<()> {
        // Shows all of it at once in terminals that support it.
        if let Some(out) = self.viewport.backend_mut().inner_mut() {
            execute!(out, BeginSynchronizedUpdate)?;
        }
        self.viewport.draw(model, lines)?;
        match self.viewport.backend_mut().inner_mut() {
            Some(out) => execute!(out, EndSynchronizedUpdate),
            None => Ok(()),
        }
    }

    /// Restores the terminal, stops the process until the shell resumes it, and begins again below what was printed.
    #[cfg(unix)]
    pub fn suspend(&mut self) -> io::Result<()> {
        self.restore();
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        self.viewport.restart()?;
        self.set_up()
    }

    #[cfg(not(unix))]
    pub fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn set_up(&mut self) -> io::Result<()> {
        panic_messages::hold();
        self.echo = Some(EchoOff::new()?);
        execute!(io::stdout(), cursor::Hide)
    }

    fn restore(&mut self) {
        // Every step runs, even if the one before failed.
        let _ = self.viewport.clear();
        let _ = execute!(io::stdout(), EndSynchronizedUpdate, cursor::Show);
        self.echo = None;
        panic_messages::release();
    }
}

impl Drop for InlineTerminal {
    fn drop(&mut self) {
        self.restore();
    }
}

//! The lines in place and the lines above them, on any backend.
//!
//! Decides how high the lines in place are: as high as they once needed to be, and lower than the terminal. Invariant:
//! a line that was inserted stays in the scrollback.

use std::mem::ManuallyDrop;

use ratatui::{
    Terminal, TerminalOptions, Viewport as Area, backend::Backend, buffer::Buffer, layout::Rect,
};

use super::{model::InlineModel, scroll_line::ScrollLine, tracking_backend::TrackingBackend, view};

/// Rows inserted at once, at most.
const MAX_INSERTED: u16 = 500;

pub struct Viewport<B: Backend> {
    /// Never dropped: its `drop` prints an error when the terminal is gone, and that panics.
    terminal: ManuallyDrop<Terminal<TrackingBackend<B>>>,
    height: u16,
}

impl<B: Backend> Viewport<B> {
    pub fn new(backend: B) -> Result<Self, B::Error> {
        Self::of_height(TrackingBackend::new(backend), 1)
    }

    fn of_height(backend: TrackingBackend<B>, height: u16) -> Result<Self, B::Error> {
        let viewport = Area::Inline(height);
        let terminal = Terminal::with_options(backend, TerminalOptions { viewport })?;
        Ok(Self {
            terminal: ManuallyDrop::new(terminal),
            height,
        })
    }

    pub fn backend_mut(&mut self) -> &mut TrackingBackend<B> {
        self.terminal.backend_mut()
    }

    /// Inserts `lines` above, and draws the lines in place.
    pub fn draw(&mut self, model: &InlineModel, lines: &[ScrollLine]) -> Result<(), B::Error> {
        self.terminal.autoresize()?;
        self.insert(model, lines)?;
        let room = self.terminal.size()?.height.saturating_sub(1).max(1);
        let height = model.height().min(room);
        if height > self.height || self.height > room {
            self.clear()?;
            let backend = self.terminal.backend_mut().take();
            *self = Self::of_height(backend, height)?;
        }
        self.terminal
            .draw(|frame| view::draw(model, frame.buffer_mut()))?;
        Ok(())
    }

    fn insert(&mut self, model: &InlineModel, lines: &[ScrollLine]) -> Result<(), B::Error> {
        let width = self.terminal.get_frame().area().width;
        let heights = lines.iter().map(|line| view::line_height(line, width));
        let mut lines = lines.iter().zip(heights).peekable();
        while lines.peek().is_some() {
            let mut rows = 0;
            let mut chunk = Vec::new();
            while let Some((line, height)) =
                lines.next_if(|(_, height)| rows + height <= MAX_INSERTED || rows == 0)
            {
                chunk.push((line, height));
                rows += height;
            }
            self.terminal.insert_before(rows, |buffer: &mut Buffer| {
                let mut y = 0;
                for (line, height) in chunk {
                    let area = Rect::new(0, y, buffer.area.width, height);
                    view::draw_line(model, line, buffer, area);
                    y += height;
                }
            })?;
        }
        Ok(())
    }

    /// Removes the lines in place; the cursor is then where they began.
    pub fn clear(&mut self) -> Result<(), B::Error> {
        let top = self.terminal.get_frame().area().as_position();
        self.terminal.clear()?;
        self.terminal.set_cursor_position(top)?;
        self.terminal.backend_mut().flush()
    }

    /// Begins again at the cursor, after something else has written to the terminal.
    pub fn restart(&mut self) -> Result<(), B::Error> {
        let mut backend = self.terminal.backend_mut().take();
        backend.forget();
        *self = Self::of_height(backend, self.height)?;
        Ok(())
    }
}

//! A backend that knows where the cursor is.
//!
//! ratatui asks the terminal for the cursor with every line that it inserts, and waits for the answer. Decides when to ask:
//! at the start, and after the terminal was resized. Invariant: what is on the screen is never cleared before it is in the
//! scrollback.

use ratatui::{
    backend::{Backend, ClearType, WindowSize},
    buffer::Cell,
    layout::{Position, Size},
};

pub struct TrackingBackend<B> {
    /// None after [`take`](Self::take).
    inner: Option<B>,
    /// None if it has to be asked for.
    cursor: Option<Position>,
    size: Size,
}

impl<B: Backend> TrackingBackend<B> {
    pub fn new(inner: B) -> Self {
        Self {
            inner: Some(inner),
            cursor: None,
            size: Size::default(),
        }
    }

    /// Moves everything out; what is left does nothing.
    pub fn take(&mut self) -> Self {
        Self {
            inner: self.inner.take(),
            ..*self
        }
    }

    pub fn inner_mut(&mut self) -> Option<&mut B> {
        self.inner.as_mut()
    }

    /// Forgets where the cursor is: something else has written to the terminal.
    pub fn forget(&mut self) {
        self.cursor = None;
    }

    fn with(&mut self, step: impl FnOnce(&mut B) -> Result<(), B::Error>) -> Result<(), B::Error> {
        self.inner.as_mut().map_or(Ok(()), step)
    }
}

impl<B: Backend> Backend for TrackingBackend<B> {
    type Error = B::Error;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Self::Error>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut last = None;
        let content = content.inspect(|(x, y, _)| last = Some(Position::new(*x, *y)));
        let drawn = match &mut self.inner {
            Some(inner) => inner.draw(content),
            None => Ok(()),
        };
        self.cursor = last.or(self.cursor);
        drawn
    }

    fn append_lines(&mut self, lines: u16) -> Result<(), Self::Error> {
        if let Some(cursor) = &mut self.cursor {
            cursor.y = cursor
                .y
                .saturating_add(lines)
                .min(self.size.height.saturating_sub(1));
        }
        self.with(|inner| inner.append_lines(lines))
    }

    fn hide_cursor(&mut self) -> Result<(), Self::Error> {
        self.with(B::hide_cursor)
    }

    fn show_cursor(&mut self) -> Result<(), Self::Error> {
        self.with(B::show_cursor)
    }

    fn get_cursor_position(&mut self) -> Result<Position, Self::Error> {
        let size = self.size()?;
        if size != self.size {
            self.size = size;
            self.cursor = None;
        }
        // Without an answer the cursor is where long output leaves it.
        let bottom = Position::new(0, size.height.saturating_sub(1));
        let cursor = match (self.cursor, &mut self.inner) {
            (Some(cursor), _) => cursor,
            (None, Some(inner)) => inner.get_cursor_position().unwrap_or(bottom),
            (None, None) => bottom,
        };
        self.cursor = Some(cursor);
        Ok(cursor)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Self::Error> {
        let position = position.into();
        self.cursor = Some(position);
        self.with(|inner| inner.set_cursor_position(position))
    }

    fn clear(&mut self) -> Result<(), Self::Error> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, region: ClearType) -> Result<(), Self::Error> {
        if region == ClearType::All {
            // Scrolls out what would be lost.
            let height = self.size()?.height;
            self.set_cursor_position((0, height.saturating_sub(1)))?;
            self.append_lines(height)?;
        }
        self.with(|inner| inner.clear_region(region))
    }

    fn size(&self) -> Result<Size, Self::Error> {
        self.inner.as_ref().map_or(Ok(self.size), B::size)
    }

    fn window_size(&mut self) -> Result<WindowSize, Self::Error> {
        match &mut self.inner {
            Some(inner) => inner.window_size(),
            None => Ok(WindowSize {
                columns_rows: self.size,
                pixels: Size::default(),
            }),
        }
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.with(B::flush)
    }
}

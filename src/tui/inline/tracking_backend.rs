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
        let mut cells: Vec<_> = content.collect();
        let ends = blank_ends(&mut cells, self.size()?.width);
        if let Some((x, y, _)) = cells.last() {
            self.cursor = Some(Position::new(*x, *y));
        }
        self.with(|inner| inner.draw(cells.into_iter()))?;
        for end in ends {
            self.set_cursor_position(end)?;
            self.clear_region(ClearType::UntilNewLine)?;
        }
        Ok(())
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
        let cursor = Position::new(cursor.x, cursor.y.min(bottom.y));
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

/// Takes out the blanks at the end of rows; returns where they start. A terminal that gets narrower would wrap them, and
/// copied text would end in them.
fn blank_ends(cells: &mut Vec<(u16, u16, &Cell)>, width: u16) -> Vec<Position> {
    let mut ends = Vec::new();
    let mut right = None;
    let mut kept = Vec::with_capacity(cells.len());
    for (x, y, cell) in cells.drain(..).rev() {
        // The column right of the blanks that reach the end of this row.
        let next = match right {
            Some((column, row)) if row == y => column,
            _ => width,
        };
        if *cell == Cell::EMPTY && x + 1 == next {
            if next < width {
                ends.pop();
            }
            ends.push(Position::new(x, y));
            right = Some((x, y));
        } else {
            kept.push((x, y, cell));
            // No further blank of this row is at its end.
            right = Some((0, y));
        }
    }
    kept.reverse();
    *cells = kept;
    ends
}

#[cfg(test)]
mod tests {
    use ratatui::backend::TestBackend;

    use super::*;

    #[test]
    fn blanks_at_the_end_of_rows_are_cleared_and_not_written() {
        let (text, blank) = (Cell::new("x"), Cell::EMPTY);
        let rows = [[&text, &blank, &text], [&blank; 3], [&blank, &text, &blank]];
        let mut cells = Vec::new();
        for (y, row) in (0..).zip(rows) {
            cells.extend((0..).zip(row).map(|(x, cell)| (x, y, cell)));
        }
        let all = cells.clone();
        let ends = blank_ends(&mut cells, 3);
        assert_eq!(ends, [(2, 2), (0, 1)].map(Position::from));
        let kept: Vec<_> = cells.iter().map(|(x, y, _)| (*x, *y)).collect();
        assert_eq!(kept, [(0, 0), (1, 0), (2, 0), (0, 2), (1, 2)]);

        let mut backend = TrackingBackend::new(TestBackend::with_lines(["abc"; 3]));
        backend.draw(all.into_iter()).unwrap();
        let inner = backend.inner_mut().unwrap();
        inner.assert_buffer_lines(["x x", "   ", " x "]);
    }
}

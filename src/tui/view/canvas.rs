//! The cells of one frame, together with the rendering options of this terminal.
//!
//! Invariant: text reaches the frame only through a [`CellWriter`], which sanitizes it and cuts it to its area.

use ratatui::{buffer::Buffer, layout::Rect};

use super::cell_writer::CellWriter;
use crate::{
    present::{Glyphs, sanitize, wrap},
    tui::{Options, theme::Role},
};

pub struct Canvas<'a> {
    pub buffer: &'a mut Buffer,
    pub options: &'a Options,
}

impl<'a> Canvas<'a> {
    pub fn new(buffer: &'a mut Buffer, options: &'a Options) -> Self {
        Self { buffer, options }
    }

    pub fn glyphs(&self) -> Glyphs {
        self.options.glyphs
    }

    /// Writes on line `row` of `area`; writes nothing when `area` has no such line.
    pub fn row(&mut self, area: Rect, row: u16) -> CellWriter<'_> {
        CellWriter::new(self.buffer, area, row, self.options)
    }

    /// Wrapped text with one free cell on both sides, as far as `area` has lines.
    pub fn paragraph(&mut self, area: Rect, texts: &[(Role, String)]) {
        let cells = usize::from(area.width.saturating_sub(2));
        let lines = texts.iter().flat_map(|(role, text)| {
            let lines = wrap(&sanitize(text), cells);
            lines.into_iter().map(|line| (*role, line))
        });
        for (row, (role, line)) in (0..area.height).zip(lines) {
            let mut writer = self.row(area, row);
            writer.skip(1);
            writer.put(role, &line);
        }
    }
}

//! Writes text on one line of the screen, cell by cell.
//!
//! Invariant: it never writes outside its line; text is sanitized and cut to its column, so it cannot move what
//! follows.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use crate::{
    present::{Glyphs, width},
    tui::{
        Options,
        theme::{Role, Theme},
    },
};

pub struct CellWriter<'a> {
    buffer: &'a mut Buffer,
    theme: Theme,
    glyphs: Glyphs,
    x: u16,
    y: u16,
    end: u16,
}

impl<'a> CellWriter<'a> {
    /// Starts at line `row` of `area`; writes nothing when `area` has no such line.
    pub fn new(buffer: &'a mut Buffer, area: Rect, row: u16, options: &Options) -> Self {
        let end = match row < area.height {
            true => area.right(),
            false => area.x,
        };
        Self {
            buffer,
            theme: options.theme,
            glyphs: options.glyphs,
            x: area.x,
            y: area.y + row,
            end,
        }
    }

    pub fn glyphs(&self) -> Glyphs {
        self.glyphs
    }

    /// Cells left on the line.
    pub fn room(&self) -> u16 {
        self.end.saturating_sub(self.x)
    }

    pub fn skip(&mut self, cells: u16) {
        self.x = self.x.saturating_add(cells).min(self.end);
    }

    pub fn put(&mut self, role: Role, text: &str) {
        self.put_styled(self.theme.style(role), text);
    }

    pub fn put_styled(&mut self, style: Style, text: &str) {
        let room = usize::from(self.room());
        if room == 0 {
            return;
        }
        let fitting = self.glyphs.clip_end(text, room);
        let (x, _) = self
            .buffer
            .set_stringn(self.x, self.y, &fitting, room, style);
        // After text that was cut, one cell may be free: too narrow for its next character, and not for other text.
        let is_cut = text.chars().nth(fitting.chars().count()).is_some();
        self.x = if is_cut { self.end } else { x };
    }

    /// A column of `cells` cells, and one free cell after it.
    pub fn column(&mut self, role: Role, text: &str, cells: u16) {
        let next = self.x.saturating_add(cells + 1).min(self.end);
        let text = self.glyphs.clip_end(text, usize::from(cells));
        self.put(role, &text);
        self.x = next;
    }

    /// A column with its text aligned right.
    pub fn right_column(&mut self, role: Role, text: &str, cells: u16) {
        let free = usize::from(cells).saturating_sub(width(text));
        let next = self.x.saturating_add(cells + 1).min(self.end);
        self.skip(u16::try_from(free).unwrap_or(u16::MAX));
        let text = self.glyphs.clip_end(text, usize::from(cells));
        self.put(role, &text);
        self.x = next;
    }

    /// Writes at the end of the line if all of it fits; what is written afterwards ends before it.
    pub fn at_end(&mut self, parts: &[(Role, &str)]) {
        let cells: usize = parts.iter().map(|(_, text)| width(text)).sum();
        let Some(start) = u16::try_from(cells)
            .ok()
            .and_then(|cells| self.end.checked_sub(cells))
            .filter(|start| *start >= self.x)
        else {
            return;
        };
        let (x, end) = (self.x, self.end);
        self.x = start;
        for (role, text) in parts {
            self.put(*role, text);
        }
        self.x = x;
        self.end = start.min(end);
    }

    /// A progress bar of `cells` cells.
    pub fn bar(&mut self, role: Role, done: u64, total: u64, cells: u16) {
        let halves = match total {
            0 => 0,
            _ => u128::from(done.min(total)) * u128::from(cells) * 2 / u128::from(total),
        };
        let halves = u16::try_from(halves).unwrap_or(cells * 2);
        let [full, half, empty] = self.glyphs.bar;
        let filled = halves / 2;
        let half_cells = halves % 2;
        self.put(role, &full.repeat(usize::from(filled)));
        self.put(role, &half.repeat(usize::from(half_cells)));
        self.put(
            Role::Dim,
            &empty.repeat(usize::from(cells - filled - half_cells)),
        );
    }

    /// Fills the rest of the line.
    pub fn rule(&mut self, role: Role, glyph: &str) {
        let cells = usize::from(self.room());
        self.put(role, &glyph.repeat(cells));
    }
}

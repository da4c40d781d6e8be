//! A pane's title line, the same on every screen.

use ratatui::{buffer::Buffer, layout::Rect};

use super::cell_writer::CellWriter;
use crate::tui::{Options, layout::TITLE, theme::Role};

pub struct Title<'a> {
    pub text: &'a str,
    pub focused: bool,
    /// What follows the text, as far as there is room.
    pub facts: &'a [(Role, String)],
    /// What stands at the end of the line.
    pub end: &'a [(Role, &'a str)],
}

/// Draws the title; gives the area under it.
pub fn titled(options: &Options, buffer: &mut Buffer, area: Rect, title: &Title) -> Rect {
    let (rule, text) = match title.focused {
        true => (Role::Accent, Role::Accent),
        false => (Role::Dim, Role::Strong),
    };
    let [heavy, light] = options.glyphs.rule;
    let glyph = if title.focused { heavy } else { light };
    let mut pen = CellWriter::new(buffer, area, 0, options);
    pen.put(rule, glyph);
    pen.put(text, &format!(" {} ", title.text));
    pen.at_end(title.end);
    for (role, fact) in title.facts {
        pen.put(*role, &format!("{fact} "));
    }
    pen.rule(rule, glyph);
    Rect {
        y: area.y + TITLE.min(area.height),
        height: area.height.saturating_sub(TITLE),
        ..area
    }
}

//! A pane's title line, the same on every screen.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::tui::{areas, theme::Role};

pub struct Title<'a> {
    pub text: &'a str,
    pub focused: bool,
    /// Follow the text, as far as there is room.
    pub facts: &'a [(Role, String)],
    /// At the end of the line.
    pub end: &'a [(Role, &'a str)],
}

/// Draws the title; returns the area under it.
pub fn titled(canvas: &mut Canvas, area: Rect, title: &Title) -> Rect {
    let (rule, text) = match title.focused {
        true => (Role::Accent, Role::Accent),
        false => (Role::Dim, Role::Strong),
    };
    let [heavy, light] = canvas.glyphs().rule;
    let glyph = if title.focused { heavy } else { light };
    let mut writer = canvas.row(area, 0);
    writer.put(rule, glyph);
    writer.put(text, &format!(" {} ", title.text));
    writer.at_end(title.end);
    for (role, fact) in title.facts {
        writer.put(*role, &format!("{fact} "));
    }
    writer.rule(rule, glyph);
    areas::below(area, areas::TITLE)
}

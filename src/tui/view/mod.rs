//! Draws the model.
//!
//! Decides how things look; where they are is `layout`, what is said is `present`. Invariant: a frame
//! costs what is visible, however long the list.

mod blobs;
mod footer;
mod header;
mod images;
mod log;
mod notes;
mod overlays;
pub(super) mod pen;
#[cfg(test)]
mod pictures;

use ratatui::{Frame, buffer::Buffer, layout::Rect};

use self::pen::Pen;
use super::{
    layout::{Pane, Screen, TITLE},
    model::Model,
    theme::Role,
};

pub fn view(model: &Model, frame: &mut Frame) {
    let buffer = frame.buffer_mut();
    let areas = match model.screen() {
        Screen::Line(area) => return header::line(model, buffer, area),
        Screen::Panes(areas) => areas,
    };
    header::draw(model, buffer, areas.header);
    if let Some(area) = areas.images {
        images::draw(model, buffer, area);
    }
    if let Some(area) = areas.detail {
        blobs::draw(model, buffer, area);
    }
    if let Some(area) = areas.log {
        log::draw(model, buffer, area);
    }
    let cursor = footer::draw(model, buffer, areas.footer);
    overlays::draw(model, buffer);
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
}

fn pen<'a>(model: &Model, buffer: &'a mut Buffer, area: Rect, row: u16) -> Pen<'a> {
    Pen::new(
        buffer,
        area,
        row,
        (model.options.theme, model.options.glyphs),
    )
}

/// A pane's title line; gives the area under it.
fn titled(
    model: &Model,
    buffer: &mut Buffer,
    area: Rect,
    pane: Pane,
    title: &str,
    facts: &[(Role, String)],
) -> Rect {
    let focused = model.focus == pane;
    let (rule, text) = match focused {
        true => (Role::Accent, Role::Accent),
        false => (Role::Dim, Role::Strong),
    };
    let [heavy, light] = model.options.glyphs.rule;
    let glyph = if focused { heavy } else { light };
    let mut pen = pen(model, buffer, area, 0);
    pen.put(rule, glyph);
    pen.put(text, &format!(" {title} "));
    for (role, fact) in facts {
        pen.put(*role, &format!("{fact} "));
    }
    pen.rule(rule, glyph);
    Rect {
        y: area.y + TITLE.min(area.height),
        height: area.height.saturating_sub(TITLE),
        ..area
    }
}

//! Draws the model.
//!
//! Decides how things look; where they are is `layout`, what is said is `present`. Invariant: a frame
//! costs what is visible, however long the list.

mod blobs;
pub(super) mod cell_writer;
mod failures;
pub(super) mod footer;
mod header;
mod images;
mod log;
mod notes;
mod overlays;
pub(super) mod pane;
#[cfg(test)]
mod pictures;
mod plan;
mod registries;

use ratatui::{
    Frame,
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Modifier, Style},
};

use self::{cell_writer::CellWriter, pane::Title};
use super::{
    browse,
    layout::{Pane, Screen},
    model::{Model, Overlay},
    theme::Role,
};
use crate::present::wrap;

pub fn view(model: &Model, frame: &mut Frame) {
    if let Some(cursor) = draw(model, frame.buffer_mut()) {
        frame.set_cursor_position(cursor);
    }
}

/// Draws a whole frame; gives where the text cursor belongs, if anywhere.
pub fn draw(model: &Model, buffer: &mut Buffer) -> Option<Position> {
    if let Some(browser) = &model.browser.open {
        return browse::draw(browser, buffer);
    }
    let areas = match model.screen() {
        Screen::Line(area) => {
            header::line(model, buffer, area);
            return None;
        }
        Screen::Panes(areas) => areas,
    };
    header::draw(model, buffer, areas.header);
    if let Some(area) = areas.plan {
        plan::draw(model, buffer, area);
    }
    if let Some(area) = areas.images {
        images::draw(model, buffer, area);
    }
    match areas.beside {
        Some((Pane::Registries, area)) => registries::draw(model, buffer, area),
        Some((Pane::Failures, area)) => failures::draw(model, buffer, area),
        Some((_, area)) => blobs::draw(model, buffer, area),
        None => {}
    }
    if let Some(area) = areas.log {
        log::draw(model, buffer, area);
    }
    let cursor = footer::draw(model, buffer, areas.footer);
    overlays::draw(model, buffer);
    cursor
}

fn row_writer<'a>(model: &Model, buffer: &'a mut Buffer, area: Rect, row: u16) -> CellWriter<'a> {
    CellWriter::new(buffer, area, row, &model.options)
}

/// The panes that share a place with this one, and the keys that show them.
fn others(model: &Model, pane: Pane) -> Vec<(Role, String)> {
    let failures = model.failures.groups().len();
    let mut parts: Vec<(Role, String)> = Vec::new();
    for (key, other) in (1..).zip(Pane::ALL) {
        if !other.shares() || other == pane {
            continue;
        }
        let role = match other == Pane::Failures && failures > 0 {
            true => Role::Bad,
            false => Role::Dim,
        };
        parts.push((Role::Key, format!(" {key}")));
        parts.push((role, format!(" {} ", other.title().to_lowercase())));
    }
    parts
}

/// Shows the line as selected. Colours would fight the reversed background, so they go.
fn select(model: &Model, buffer: &mut Buffer, line: Rect) {
    let style = model.options.theme.style(Role::Selected);
    let faded = matches!(model.overlays.last(), Some(Overlay::Filter(_)));
    if !faded {
        let plain = Style::reset().add_modifier(Modifier::BOLD);
        buffer.set_style(line, plain.patch(style));
    }
}

/// Writes what was cut of a selected line in full, from line `row` of its pane on as far as there is room.
fn spell(
    model: &Model,
    buffer: &mut Buffer,
    area: Rect,
    row: u16,
    texts: impl Iterator<Item = (Role, String)>,
) {
    const MARGIN: u16 = 2;
    let cells = usize::from(area.width.saturating_sub(2 * MARGIN));
    let lines = texts.flat_map(|(role, text)| {
        let pieces = wrap(&text, cells).into_iter();
        pieces.map(move |piece| (role, piece))
    });
    for (row, (role, text)) in (row..area.height).zip(lines) {
        let mut pen = row_writer(model, buffer, area, row);
        pen.skip(MARGIN);
        pen.put(role, &text);
    }
}

/// A pane's title line; gives the area under it.
fn titled(
    model: &Model,
    buffer: &mut Buffer,
    area: Rect,
    pane: Pane,
    facts: &[(Role, String)],
) -> Rect {
    let others = match pane.shares() && area.width >= 60 {
        true => others(model, pane),
        false => Vec::new(),
    };
    let end: Vec<(Role, &str)> = (others.iter())
        .map(|(role, text)| (*role, text.as_str()))
        .collect();
    let title = Title {
        text: pane.title(),
        focused: model.focus == pane,
        facts,
        end: &end,
    };
    pane::titled(&model.options, buffer, area, &title)
}

//! Draws the model, either the batch's panes or the browser.
//!
//! Decides how things look; `layout` decides where they are, and `present` the sentences. Invariant: the cost of a
//! frame depends on what is visible, not on the length of the list.

mod batch_pane;
mod blobs;
mod boxes;
pub(super) mod canvas;
pub(super) mod cell_writer;
mod failures;
mod footer;
mod header;
mod image_counts;
mod images;
mod log;
mod notes;
mod outcome;
mod overlays;
pub(super) mod pane;
#[cfg(test)]
mod pictures;
mod plan;
mod progress;
mod registries;

use ratatui::{
    Frame,
    buffer::Buffer,
    layout::{Position, Rect},
};

use self::canvas::Canvas;
use super::{areas::Screen, browse, layout::Pane, model::Model};

pub fn view(model: &Model, frame: &mut Frame) {
    if let Some(cursor) = draw(model, frame.buffer_mut()) {
        frame.set_cursor_position(cursor);
    }
}

/// Draws a whole frame; returns the position of the text cursor, if there is one.
pub fn draw(model: &Model, buffer: &mut Buffer) -> Option<Position> {
    let canvas = &mut Canvas::new(buffer, &model.options);
    let footer = match &model.browser {
        Some(browser) => browse::draw(browser, canvas),
        None => draw_panes(model, canvas),
    }?;
    let cursor = footer::draw(model, canvas, footer);
    overlays::draw(model, canvas);
    cursor
}

/// Draws the batch; returns the footer's area, unless the screen is too small for one.
fn draw_panes(model: &Model, canvas: &mut Canvas) -> Option<Rect> {
    let areas = match model.screen() {
        Screen::Line(area) => {
            header::draw_line(model, canvas, area);
            return None;
        }
        Screen::Panes(areas) => areas,
    };
    header::draw(model, canvas, areas.header);
    if let Some(area) = areas.plan {
        plan::draw(model, canvas, area);
    }
    if let Some(area) = areas.images {
        images::draw(model, canvas, area);
    }
    match areas.beside {
        Some((Pane::Registries, area)) => registries::draw(model, canvas, area),
        Some((Pane::Failures, area)) => failures::draw(model, canvas, area),
        Some((Pane::Detail | Pane::Images | Pane::Log, area)) => blobs::draw(model, canvas, area),
        None => {}
    }
    if let Some(area) = areas.log {
        log::draw(model, canvas, area);
    }
    Some(areas.footer)
}

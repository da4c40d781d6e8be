//! Draws the browser.
//!
//! Decides how things look; `layout` decides where they are. Invariant: text from registries reaches the screen only
//! through a [`Canvas`], which sanitizes it.

mod comparison;
mod detail;
mod image;
mod lists;
mod parts;
mod raw;

use ratatui::layout::Rect;

use super::{
    layout::{Areas, Pane},
    model::{Browser, LeftPane, Overlay},
};
use crate::{
    present::count,
    tui::{areas::Screen, theme::Role, view::canvas::Canvas},
};

/// Draws the browser; returns the footer's area, unless the screen is too small for one.
pub fn draw(browser: &Browser, canvas: &mut Canvas) -> Option<Rect> {
    let areas = match browser.screen() {
        Screen::Line(area) => {
            canvas.row(area, 0).put(
                Role::Warning,
                "too small to browse: 50x10 is needed; q leaves",
            );
            return None;
        }
        Screen::Panes(areas) => areas,
    };
    draw_header(browser, canvas, areas.header);
    let overlay = (browser.overlays.iter().rev())
        .find(|overlay| !matches!(overlay, Overlay::Typing(_) | Overlay::Naming(_)));
    match overlay {
        Some(Overlay::Raw(raw)) => raw::draw(canvas, areas.body, raw),
        Some(Overlay::Comparing(comparing)) => comparison::draw(canvas, areas.body, comparing),
        Some(Overlay::Typing(_) | Overlay::Naming(_)) | None => draw_panes(browser, canvas, &areas),
    }
    Some(areas.footer)
}

fn draw_panes(browser: &Browser, canvas: &mut Canvas, areas: &Areas) {
    if let Some(area) = areas.pane(Pane::Left) {
        lists::left(browser, canvas, area);
    }
    if let Some(area) = areas.pane(Pane::Tags) {
        lists::tags(browser, canvas, area);
    }
    if let Some(area) = areas.pane(Pane::Image) {
        image::draw(browser, canvas, area);
    }
    if let Some(area) = areas.pane(Pane::Detail) {
        detail::draw(browser, canvas, area);
    }
}

fn draw_header(browser: &Browser, canvas: &mut Canvas, area: Rect) {
    let mut writer = canvas.row(area, 0);
    writer.skip(1);
    writer.put(Role::Accent, "transship browse");
    let reading = browser.cache.in_flight();
    if reading > 0 {
        let text = format!("  reading {} ", count(reading, "answer"));
        writer.at_end(&[(Role::Busy, &text)]);
    }
    if !browser.marks.is_empty() {
        let text = format!("  {} marked ", browser.marks.len());
        writer.at_end(&[(Role::Marked, &text)]);
    }
    writer.skip(2);
    let glyphs = writer.glyphs();
    let room = usize::from(writer.room());
    match (&browser.viewed, &browser.left) {
        (Some(viewed), _) => {
            let side = viewed
                .pair
                .as_ref()
                .map(|pair| match viewed.location == pair.source {
                    true => "source",
                    false => "destination",
                });
            let taken = side.map_or(0, |side| side.len() + 2);
            let name = glyphs.clip_location(&viewed.location, room.saturating_sub(taken));
            writer.put(Role::Strong, &name);
            if let Some(side) = side {
                writer.put(Role::Dim, &format!("  {side}"));
            }
        }
        (None, LeftPane::Repositories { registry, .. }) => {
            writer.put(Role::Strong, registry.as_str())
        }
        (None, LeftPane::Store(chooser)) => {
            let stores = chooser.items();
            let text = stores.first().map(ToString::to_string).unwrap_or_default();
            writer.put(Role::Strong, &glyphs.clip_middle(&text, room));
        }
        (None, LeftPane::Images(chooser)) => {
            writer.put(Role::Strong, &count(chooser.len(), "image"));
        }
    }
}

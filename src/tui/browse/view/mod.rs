//! Draws the browser.
//!
//! Decides how things look; where they are is `layout`, what is known is the cache. Invariant: whatever a
//! registry wrote goes through a [`Pen`], which makes it plain and cuts it to its room.

mod choosers;
mod comparison;
mod detail;
mod help;
mod image;
mod last_line;
mod raw;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    layout::{Pane, Screen},
    model::{Browser, LeftPane, Overlay},
};
use crate::{
    inspect::Error,
    present::{Glyphs, count, sanitize, wrap},
    tui::{
        theme::Role,
        view::{
            cell_writer::CellWriter,
            footer,
            pane::{self, Title},
        },
    },
};

/// Draws the browser over all of `buffer`; gives where the text cursor belongs, if anywhere.
pub fn draw(browser: &Browser, buffer: &mut Buffer) -> Option<Position> {
    let areas = match browser.screen() {
        Screen::Line(area) => {
            let mut pen = row_writer(browser, buffer, area, 0);
            pen.put(
                Role::Warning,
                "too small to browse: 50x10 is needed; q leaves",
            );
            return None;
        }
        Screen::Panes(areas) => areas,
    };
    header(browser, buffer, areas.header);
    let over =
        (browser.overlays.iter().rev()).find(|overlay| !matches!(overlay, Overlay::Typing(_)));
    match over {
        Some(Overlay::Raw(raw)) => raw::draw(browser, buffer, areas.body, raw),
        Some(Overlay::Comparing(comparing)) => {
            comparison::draw(browser, buffer, areas.body, comparing);
        }
        Some(Overlay::Help { offset }) => help::draw(browser, buffer, areas.body, *offset),
        Some(Overlay::Typing(_)) | None => {
            let area = |pane| areas.pane(pane);
            if let Some(area) = area(Pane::Left) {
                choosers::left(browser, buffer, area);
            }
            if let Some(area) = area(Pane::Tags) {
                choosers::tags(browser, buffer, area);
            }
            if let Some(area) = area(Pane::Image) {
                image::draw(browser, buffer, area);
            }
            if let Some(area) = area(Pane::Detail) {
                detail::draw(browser, buffer, area);
            }
        }
    }
    footer::draw(browser, buffer, areas.footer)
}

fn header(browser: &Browser, buffer: &mut Buffer, area: Rect) {
    let mut pen = row_writer(browser, buffer, area, 0);
    pen.skip(1);
    pen.put(Role::Accent, "transship browse");
    let reading = browser.cache.in_flight();
    if reading > 0 {
        let text = format!("reading {} ", count(reading, "answer"));
        pen.at_end(&[(Role::Busy, &text)]);
    }
    pen.skip(2);
    let glyphs = pen.glyphs();
    let room = usize::from(pen.room());
    match (&browser.viewed, &browser.left) {
        (Some(viewed), _) => {
            let side = viewed
                .pair
                .as_ref()
                .map(|pair| match viewed.reference == pair.source {
                    true => "source",
                    false => "destination",
                });
            let taken = side.map_or(0, |side| side.len() + 2);
            let name = glyphs.clip_reference(&viewed.reference, room.saturating_sub(taken));
            pen.put(Role::Strong, &name);
            if let Some(side) = side {
                pen.put(Role::Dim, &format!("  {side}"));
            }
        }
        (None, LeftPane::Repositories { registry, .. }) => pen.put(Role::Strong, registry.as_str()),
        (None, LeftPane::Images(chooser)) => {
            pen.put(Role::Strong, &count(chooser.len(), "image"));
        }
    }
}

fn row_writer<'a>(
    browser: &Browser,
    buffer: &'a mut Buffer,
    area: Rect,
    row: u16,
) -> CellWriter<'a> {
    CellWriter::new(buffer, area, row, &browser.options)
}

/// A title line; gives the area under it.
fn titled(
    browser: &Browser,
    buffer: &mut Buffer,
    area: Rect,
    focused: bool,
    title: &str,
    facts: &[(Role, String)],
) -> Rect {
    let title = Title {
        text: title,
        focused,
        facts,
        end: &[],
    };
    pane::titled(&browser.options, buffer, area, &title)
}

/// The cursor's cell at the start of a line, and how its text looks.
fn cursor(pen: &mut CellWriter, selected: bool, focused: bool) -> Role {
    let glyphs = pen.glyphs();
    match (selected, focused) {
        (true, true) => {
            pen.put(Role::Accent, glyphs.cursor);
            Role::Selected
        }
        (true, false) => {
            pen.put(Role::Dim, glyphs.cursor);
            Role::Strong
        }
        (false, _) => {
            pen.skip(1);
            Role::Text
        }
    }
}

/// Several lines of words in an empty pane.
fn words(browser: &Browser, buffer: &mut Buffer, area: Rect, lines: &[(Role, String)]) {
    let room = usize::from(area.width.saturating_sub(2));
    let pieces = lines.iter().flat_map(|(role, text)| {
        let pieces = wrap(&sanitize(text), room);
        pieces.into_iter().map(|piece| (*role, piece))
    });
    for (row, (role, text)) in (0..area.height).zip(pieces) {
        let mut pen = row_writer(browser, buffer, area, row);
        pen.skip(1);
        pen.put(role, &text);
    }
}

/// What failed, and what to do about it.
fn failure(error: &Error) -> [(Role, String); 2] {
    [
        (Role::Bad, format!("failed to {error}")),
        (
            Role::Strong,
            format!("{}; r tries again", error.kind.advice()),
        ),
    ]
}

/// Before a line that opens: whether it is open.
fn fold(glyphs: Glyphs, open: bool) -> &'static str {
    match (glyphs == Glyphs::ASCII, open) {
        (false, true) => "▾ ",
        (false, false) => "▸ ",
        (true, true) => "- ",
        (true, false) => "+ ",
    }
}

//! Parts that several panes of the browser draw.

use ratatui::layout::Rect;

use crate::{
    inspect::Error,
    present::Glyphs,
    tui::{
        theme::Role,
        view::{
            canvas::Canvas,
            cell_writer::CellWriter,
            pane::{self, Title},
        },
    },
};

/// Draws a title line; returns the area under it.
pub(super) fn titled(
    canvas: &mut Canvas,
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
    pane::titled(canvas, area, &title)
}

/// Writes the cursor's cell at the start of a line; returns the role of the line's text.
pub(super) fn cursor(writer: &mut CellWriter, selected: bool, focused: bool) -> Role {
    let glyphs = writer.glyphs();
    match (selected, focused) {
        (true, true) => {
            writer.put(Role::Accent, glyphs.cursor);
            Role::Selected
        }
        (true, false) => {
            writer.put(Role::Dim, glyphs.cursor);
            Role::Strong
        }
        (false, _) => {
            writer.skip(1);
            Role::Text
        }
    }
}

/// What failed, and what to do about it.
pub(super) fn failure(error: &Error) -> [(Role, String); 2] {
    [
        (Role::Bad, format!("failed to {error}")),
        (Role::Strong, format!("{}; r retries", error.advice())),
    ]
}

/// The glyph before a line that can be opened.
pub(super) fn fold(glyphs: Glyphs, open: bool) -> &'static str {
    match (glyphs == Glyphs::ASCII, open) {
        (false, true) => "▾ ",
        (false, false) => "▸ ",
        (true, true) => "- ",
        (true, false) => "+ ",
    }
}

//! A pane of a batch: its title with the keys of the other panes, its selected line, and what that line cut off.

use ratatui::{
    layout::Rect,
    style::{Modifier, Style},
};

use super::{
    canvas::Canvas,
    pane::{self, Title},
};
use crate::{
    present::wrap,
    tui::{
        layout::Pane,
        model::{Model, Overlay},
        theme::Role,
    },
};

/// Draws the pane's title line; returns the area under it.
pub(super) fn titled(
    model: &Model,
    canvas: &mut Canvas,
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
    pane::titled(canvas, area, &title)
}

/// The panes that can be shown in the place of `pane`, each with its key.
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

/// Shows the line as selected. Removes its colours, which are unreadable on a reversed background.
pub(super) fn select(model: &Model, canvas: &mut Canvas, area: Rect, row: u16) {
    let is_filtering = matches!(model.overlays.last(), Some(Overlay::Filter(_)));
    if !is_filtering {
        let style = canvas.options.theme.style(Role::Selected);
        let plain = Style::reset().add_modifier(Modifier::BOLD);
        let line = Rect {
            y: area.y + row,
            height: 1,
            ..area
        };
        canvas.buffer.set_style(line, plain.patch(style));
    }
}

/// Writes in full, from line `row` of the pane on, what the selected line had no room for.
pub(super) fn write_in_full(
    canvas: &mut Canvas,
    area: Rect,
    row: u16,
    texts: impl Iterator<Item = (Role, String)>,
) {
    const MARGIN: u16 = 2;
    let cells = usize::from(area.width.saturating_sub(2 * MARGIN));
    let lines = texts.flat_map(|(role, text)| {
        let lines = wrap(&text, cells).into_iter();
        lines.map(move |line| (role, line))
    });
    for (row, (role, line)) in (row..area.height).zip(lines) {
        let mut writer = canvas.row(area, row);
        writer.skip(MARGIN);
        writer.put(role, &line);
    }
}

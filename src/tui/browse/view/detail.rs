//! The detail pane.

use ratatui::layout::Rect;

use super::parts::titled;
use crate::tui::{
    browse::{
        detail::{NAME_CELLS, Tone, wrapped},
        layout::Pane,
        model::Browser,
    },
    theme::Role,
    view::canvas::Canvas,
};

pub(super) fn draw(browser: &Browser, canvas: &mut Canvas, area: Rect) {
    let lines = wrapped(browser, browser.screen().cells(Pane::Detail));
    let height = usize::from(area.height.saturating_sub(1));
    let offset = browser
        .detail_offset
        .min(lines.len().saturating_sub(height));
    let mut facts = Vec::new();
    if lines.len() > height {
        let last = lines.len().min(offset + height);
        facts.push((
            Role::Dim,
            format!("{}-{last} of {}", offset + 1, lines.len()),
        ));
    }
    let focused = browser.focus == Pane::Detail;
    let area = titled(canvas, area, focused, "Detail", &facts);
    for (row, line) in (0..area.height).zip(lines.iter().skip(offset)) {
        let mut writer = canvas.row(area, row);
        writer.skip(1);
        let role = match line.tone {
            Tone::Fact => Role::Text,
            Tone::Failure => Role::Bad,
            Tone::Advice => Role::Strong,
            Tone::Reading => Role::Busy,
            Tone::Hint => Role::Dim,
        };
        if line.tone == Tone::Fact {
            writer.column(
                Role::Dim,
                line.name,
                u16::try_from(NAME_CELLS - 1).unwrap_or(0),
            );
        }
        writer.put(role, &line.text);
    }
}

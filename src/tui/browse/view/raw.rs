//! The JSON view.

use ratatui::layout::Rect;

use super::parts::{cursor, fold, titled};
use crate::{
    present::{Glyphs, count, sanitize, skip, width},
    tui::{
        browse::raw::{self, Raw},
        theme::Role,
        view::canvas::Canvas,
    },
};

pub(super) fn draw(canvas: &mut Canvas, area: Rect, raw: &Raw) {
    let shown = raw.shown();
    let mut facts = vec![(Role::Dim, format!("{} bytes", raw.raw.len()))];
    if shown.len() + 1 > usize::from(area.height) {
        let (at, all) = raw.position();
        facts.push((Role::Dim, format!("line {} of {all}", at + 1)));
    }
    if raw.column > 0 {
        facts.push((Role::Dim, format!("from column {}", raw.column + 1)));
    }
    if !raw.search.is_empty() {
        let matches = raw.count();
        let role = if matches == 0 {
            Role::Warning
        } else {
            Role::Marked
        };
        let text = format!("{} of {:?}", count(matches, "match"), raw.search);
        facts.push((role, text));
    }
    let area = titled(canvas, area, true, &raw.title, &facts);
    for (row, line) in (0..area.height).zip(shown.iter().skip(raw.offset)) {
        let mut writer = canvas.row(area, row);
        let role = cursor(&mut writer, *line == raw.cursor, true);
        let mut hidden = raw.column;
        for (role, text) in pieces(raw, *line, role, writer.glyphs()) {
            writer.put(role, skip(&text, hidden));
            hidden = hidden.saturating_sub(width(&text));
        }
    }
}

/// The whole line in pieces of one role.
fn pieces(raw: &Raw, at: usize, role: Role, glyphs: Glyphs) -> Vec<(Role, String)> {
    let line = &raw.document.lines[at];
    let folded = raw.is_folded(at);
    let before = match line.end {
        Some(_) => fold(glyphs, !folded),
        None => "",
    };
    let mut pieces = vec![(Role::Dim, format!("{before:>0$}", raw::indent(line.depth)))];
    let text = sanitize(&line.text);
    let lower = text.to_lowercase();
    let found = match raw.search.is_empty() {
        true => None,
        false => lower.find(&raw.search.to_lowercase()),
    };
    let key = text.find("\": ").filter(|_| text.starts_with('"'));
    match (found, key) {
        // Lowercasing can change the length of text that is not ASCII; then the whole line is marked.
        (Some(start), _) if lower.len() == text.len() => {
            let end = start + raw.search.len();
            match (text.get(..start), text.get(start..end), text.get(end..)) {
                (Some(before), Some(found), Some(after)) => {
                    pieces.push((role, before.into()));
                    pieces.push((Role::Alert, found.into()));
                    pieces.push((role, after.into()));
                }
                _ => pieces.push((Role::Alert, text.into())),
            }
        }
        (Some(_), _) => pieces.push((Role::Alert, text.into())),
        (None, Some(key)) if role == Role::Text => {
            pieces.push((Role::Accent, text[..=key].into()));
            pieces.push((Role::Text, text[key + 1..].into()));
        }
        (None, _) => pieces.push((role, text.into())),
    }
    if let Some(end) = line.end.filter(|_| folded) {
        pieces.push((Role::Dim, format!(" {} {} ", line.entries, glyphs.ellipsis)));
        pieces.push((role, raw.document.lines[end].text.clone()));
    }
    pieces
}

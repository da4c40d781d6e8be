//! JSON, folded and searched.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{cursor, fold, pen, titled};
use crate::{
    present::{count, plain},
    tui::{
        browse::{model::Browser, raw::Raw},
        theme::Role,
        view::pen::Pen,
    },
};

pub fn draw(browser: &Browser, buffer: &mut Buffer, area: Rect, raw: &Raw) {
    let shown = raw.shown();
    let mut facts = vec![(Role::Dim, format!("{} bytes", raw.raw.len()))];
    if shown.len() + 1 > usize::from(area.height) {
        let (at, all) = raw.position();
        facts.push((Role::Dim, format!("line {} of {all}", at + 1)));
    }
    if !raw.search.is_empty() {
        let matches = raw.count();
        let role = if matches == 0 {
            Role::Warning
        } else {
            Role::Marked
        };
        let text = format!(
            "{} of {:?}",
            count(matches, "match").replace("matchs", "matches"),
            raw.search
        );
        facts.push((role, text));
    }
    let area = titled(browser, buffer, area, true, &raw.title, &facts);
    for (row, line) in (0..area.height).zip(shown.iter().skip(raw.offset)) {
        let mut pen = pen(browser, buffer, area, row);
        let role = cursor(&mut pen, *line == raw.cursor, true);
        draw_line(&mut pen, raw, *line, role);
    }
}

fn draw_line(pen: &mut Pen, raw: &Raw, at: usize, role: Role) {
    let line = &raw.document.lines[at];
    let folded = raw.is_folded(at);
    pen.skip(u16::try_from(line.depth.min(40) * 2).unwrap_or(0));
    match line.end {
        Some(_) => pen.put(Role::Dim, fold(pen.glyphs(), !folded)),
        None => pen.skip(2),
    }
    let text = plain(&line.text);
    let lower = text.to_lowercase();
    let found = match raw.search.is_empty() {
        true => None,
        false => lower.find(&raw.search.to_lowercase()),
    };
    let key = text.find("\": ").filter(|_| text.starts_with('"'));
    match (found, key) {
        // Lowercasing may change lengths outside of ASCII: then the line is marked as a whole.
        (Some(start), _) if lower.len() == text.len() => {
            let end = start + raw.search.len();
            match (text.get(..start), text.get(start..end), text.get(end..)) {
                (Some(before), Some(found), Some(after)) => {
                    pen.put(role, before);
                    pen.put(Role::Alert, found);
                    pen.put(role, after);
                }
                _ => pen.put(Role::Alert, &text),
            }
        }
        (Some(_), _) => pen.put(Role::Alert, &text),
        (None, Some(key)) if role == Role::Text => {
            pen.put(Role::Accent, &text[..=key]);
            pen.put(Role::Text, &text[key + 1..]);
        }
        (None, _) => pen.put(role, &text),
    }
    if let Some(end) = line.end.filter(|_| folded) {
        let ellipsis = pen.glyphs().ellipsis;
        pen.put(Role::Dim, &format!(" {} {ellipsis} ", line.entries));
        pen.put(role, &raw.document.lines[end].text);
    }
}

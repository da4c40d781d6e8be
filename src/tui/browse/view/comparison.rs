//! Source against destination, line by line.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{failure, row_writer, titled, words};
use crate::{
    inspect::{ComparisonResult, Line, Value},
    present::{Glyphs, bytes, count},
    tui::{
        browse::{
            comparing::{Comparing, Shown, State},
            model::Browser,
        },
        theme::Role,
        view::cell_writer::CellWriter,
    },
};

pub fn draw(browser: &Browser, buffer: &mut Buffer, area: Rect, comparing: &Comparing) {
    let mut facts = Vec::new();
    if let State::Ready { comparison, unread } = &comparing.state {
        facts.push(match (comparison.identical, comparison.differences()) {
            (true, 0) => (Role::Good, "identical".to_owned()),
            (true, differences) => {
                let text = count(differences, "difference");
                (Role::Warning, format!("same image, {text} around it"))
            }
            (false, differences) => (Role::Warning, count(differences, "difference")),
        });
        if comparing.only_differences {
            facts.push((Role::Dim, "only differences".to_owned()));
        }
        if !unread.is_empty() {
            let text = count(unread.len(), "part");
            facts.push((Role::Bad, format!("{text} could not be read")));
        }
    }
    let area = titled(browser, buffer, area, true, "Comparison", &facts);
    sides(browser, buffer, area, comparing);
    let area = Rect {
        y: area.y + 1.min(area.height),
        height: area.height.saturating_sub(1),
        ..area
    };
    match &comparing.state {
        State::Reading(parts) => {
            let text = format!("reading {}", count(*parts, "part"));
            words(browser, buffer, area, &[(Role::Busy, text)]);
        }
        State::Failed(errors) => {
            let lines: Vec<_> = errors.iter().flat_map(failure).collect();
            words(browser, buffer, area, &lines);
        }
        State::Ready { comparison, unread } => {
            let lines = comparing.lines();
            if lines.is_empty() {
                let text = "Nothing differs.".to_owned();
                words(browser, buffer, area, &[(Role::Good, text)]);
            }
            let shown = lines.into_iter().skip(comparing.offset);
            let mut row = 0;
            for line in shown.take(usize::from(area.height)) {
                let mut pen = row_writer(browser, buffer, area, row);
                match line {
                    Shown::Title(title) => {
                        pen.skip(1);
                        pen.put(Role::Strong, title);
                    }
                    Shown::Line(line) => draw_line(&mut pen, line, area.width),
                }
                row += 1;
            }
            if comparison.identical && !comparing.only_differences {
                let mut pen = row_writer(browser, buffer, area, row + 1);
                pen.skip(1);
                let text = "Equal digests are equal content: all platforms, configs and layers.";
                pen.put(Role::Good, text);
                row += 2;
            }
            for error in unread {
                let mut pen = row_writer(browser, buffer, area, row);
                pen.skip(1);
                pen.put(Role::Bad, &format!("failed to {error}"));
                row = row.saturating_add(1);
            }
        }
    }
}

/// The cells of what is compared, and of each side.
fn columns(width: u16) -> (u16, u16) {
    let what = (width / 4).clamp(12, 36);
    (what, width.saturating_sub(what + 7) / 2)
}

fn sides(browser: &Browser, buffer: &mut Buffer, area: Rect, comparing: &Comparing) {
    let (what, side) = columns(area.width);
    let mut pen = row_writer(browser, buffer, area, 0);
    pen.skip(what + 4);
    let glyphs = pen.glyphs();
    for reference in [&comparing.source, &comparing.destination] {
        let name = glyphs.clip_reference(reference, usize::from(side));
        pen.column(Role::Accent, &name, side);
        pen.skip(1);
    }
}

fn draw_line(pen: &mut CellWriter, line: &Line, width: u16) {
    let (what, side) = columns(width);
    let verdict = line.verdict();
    let glyphs = pen.glyphs();
    let (mark, role) = match (verdict, glyphs == Glyphs::ASCII) {
        (ComparisonResult::Same, _) => ("=", Role::Dim),
        (ComparisonResult::Differs, false) => ("≠", Role::Warning),
        (ComparisonResult::Differs, true) => ("!", Role::Warning),
        (ComparisonResult::OnlySource, false) => ("←", Role::Bad),
        (ComparisonResult::OnlySource, true) => ("<", Role::Bad),
        (ComparisonResult::OnlyDestination, false) => ("→", Role::Bad),
        (ComparisonResult::OnlyDestination, true) => (">", Role::Bad),
    };
    pen.skip(1);
    pen.put(role, mark);
    pen.skip(1);
    let text = match verdict {
        ComparisonResult::Same => Role::Dim,
        ComparisonResult::Differs
        | ComparisonResult::OnlySource
        | ComparisonResult::OnlyDestination => Role::Text,
    };
    pen.column(
        text,
        &glyphs.clip_middle(&line.what, usize::from(what)),
        what,
    );
    for value in [&line.source, &line.destination] {
        let cells = usize::from(side);
        match value {
            Some(value) => {
                let value = glyphs.clip_middle(&written(value, cells), cells);
                pen.column(text, &value, side);
            }
            None => pen.column(Role::Dim, "-", side),
        }
        pen.skip(1);
    }
}

/// Digests as long as there is room.
fn written(value: &Value, cells: usize) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Digest(digest) if cells < 71 => digest.short(),
        Value::Digest(digest) => digest.to_string(),
        Value::Blob { digest, size } => format!("{}  {}", digest.short(), bytes(*size)),
    }
}

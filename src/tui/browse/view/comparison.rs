//! The comparison: source and destination side by side.

use ratatui::layout::Rect;

use super::parts::{failure, titled};
use crate::{
    inspect::{ComparisonResult, Line, Value},
    present::{Glyphs, bytes, count},
    tui::{
        areas,
        browse::comparison::{Comparing, ComparisonLine, ComparisonState},
        theme::Role,
        view::{canvas::Canvas, cell_writer::CellWriter},
    },
};

pub(super) fn draw(canvas: &mut Canvas, area: Rect, comparing: &Comparing) {
    let mut facts = Vec::new();
    if let ComparisonState::Ready { comparison, unread } = &comparing.state {
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
    let area = titled(canvas, area, true, "Comparison", &facts);
    sides(canvas, area, comparing);
    let area = areas::below(area, 1);
    match &comparing.state {
        ComparisonState::Reading(parts) => {
            let text = format!("reading {}", count(*parts, "part"));
            canvas.paragraph(area, &[(Role::Busy, text)]);
        }
        ComparisonState::Failed(errors) => {
            let lines: Vec<_> = errors.iter().flat_map(failure).collect();
            canvas.paragraph(area, &lines);
        }
        ComparisonState::Ready { comparison, unread } => {
            let lines = comparing.lines();
            if lines.is_empty() {
                let text = "Nothing differs.".to_owned();
                canvas.paragraph(area, &[(Role::Good, text)]);
            }
            let shown = lines.into_iter().skip(comparing.offset);
            let mut row = 0;
            for line in shown.take(usize::from(area.height)) {
                let mut writer = canvas.row(area, row);
                match line {
                    ComparisonLine::Title(title) => {
                        writer.skip(1);
                        writer.put(Role::Strong, title);
                    }
                    ComparisonLine::Line(line) => draw_line(&mut writer, line, area.width),
                }
                row += 1;
            }
            if comparison.identical && !comparing.only_differences {
                let mut writer = canvas.row(area, row + 1);
                writer.skip(1);
                let text = "The digests are equal, so all platforms, configs and layers are.";
                writer.put(Role::Good, text);
                row += 2;
            }
            for error in unread {
                let mut writer = canvas.row(area, row);
                writer.skip(1);
                writer.put(Role::Bad, &format!("failed to {error}"));
                row = row.saturating_add(1);
            }
        }
    }
}

/// The widths of the first column and of each side.
fn columns(width: u16) -> (u16, u16) {
    let what = (width / 4).clamp(12, 36);
    (what, width.saturating_sub(what + 7) / 2)
}

fn sides(canvas: &mut Canvas, area: Rect, comparing: &Comparing) {
    let (what, side) = columns(area.width);
    let mut writer = canvas.row(area, 0);
    writer.skip(what + 4);
    let glyphs = writer.glyphs();
    for location in [&comparing.source, &comparing.destination] {
        let name = glyphs.clip_location(location, usize::from(side));
        writer.column(Role::Accent, &name, side);
        writer.skip(1);
    }
}

fn draw_line(writer: &mut CellWriter, line: &Line, width: u16) {
    let (what, side) = columns(width);
    let verdict = line.verdict();
    let glyphs = writer.glyphs();
    let (mark, role) = match (verdict, glyphs == Glyphs::ASCII) {
        (ComparisonResult::Same, _) => ("=", Role::Dim),
        (ComparisonResult::Differs, false) => ("≠", Role::Warning),
        (ComparisonResult::Differs, true) => ("!", Role::Warning),
        (ComparisonResult::OnlySource, false) => ("←", Role::Bad),
        (ComparisonResult::OnlySource, true) => ("<", Role::Bad),
        (ComparisonResult::OnlyDestination, false) => ("→", Role::Bad),
        (ComparisonResult::OnlyDestination, true) => (">", Role::Bad),
    };
    writer.skip(1);
    writer.put(role, mark);
    writer.skip(1);
    let text = match verdict {
        ComparisonResult::Same => Role::Dim,
        ComparisonResult::Differs
        | ComparisonResult::OnlySource
        | ComparisonResult::OnlyDestination => Role::Text,
    };
    writer.column(
        text,
        &glyphs.clip_middle(&line.what, usize::from(what)),
        what,
    );
    for value in [&line.source, &line.destination] {
        let cells = usize::from(side);
        match value {
            Some(value) => {
                let value = glyphs.clip_middle(&text_of(value, cells), cells);
                writer.column(text, &value, side);
            }
            None => writer.column(Role::Dim, "-", side),
        }
        writer.skip(1);
    }
}

/// Digests are shortened unless there is room.
fn text_of(value: &Value, cells: usize) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Digest(digest) if cells < 71 => digest.short(),
        Value::Digest(digest) => digest.to_string(),
        Value::Blob { digest, size } => format!("{}  {}", digest.short(), bytes(*size)),
    }
}

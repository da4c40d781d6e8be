//! The table of images.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{CellWriter, notes::note, row_writer, select, titled};
use crate::{
    batch::JobView,
    present::{Phase, bytes, percent, phase, rate},
    tui::{
        columns::{BAR, Column, GUTTER, PERCENT, columns},
        images::Row,
        layout::Pane,
        model::Model,
        order::{Sort, StatusFilter},
        theme::Role,
    },
};

pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    let area = titled(model, buffer, area, Pane::Images, &facts(model));
    let columns = columns(
        area.width,
        &model.options.columns,
        model.images.show(),
        model.names.widest(),
    );
    titles(model, buffer, area, &columns);
    let rows = Rect {
        y: area.y + 1.min(area.height),
        height: area.height.saturating_sub(1),
        ..area
    };
    if model.images.rows().is_empty() {
        let mut pen = row_writer(model, buffer, rows, 0);
        pen.skip(GUTTER);
        return pen.put(Role::Dim, &why_empty(model));
    }
    for (index, row) in (0..).zip(model.images.page(usize::from(rows.height))) {
        if let Some(view) = model.board.job(row.job) {
            draw_row(model, buffer, rows, index, &columns, row, view);
        }
    }
}

/// What the title says besides the name: how many, which, in which order.
fn facts(model: &Model) -> Vec<(Role, String)> {
    let (images, all) = (&model.images, model.board.jobs().len());
    let mut facts = vec![(
        Role::Text,
        match images.rows().len() == all {
            true => all.to_string(),
            false => format!("{} of {all}", images.rows().len()),
        },
    )];
    match images.show() {
        StatusFilter::All => {}
        StatusFilter::Cause(cause) => {
            facts.push((Role::Bad, format!("{} {}", cause.blamed(), cause.said)))
        }
        show if show.is_about_failures() => facts.push((Role::Bad, show.words().into())),
        show => facts.push((Role::Strong, show.words().into())),
    }
    if images.filter().is_broken() {
        let text = images.filter().text();
        facts.push((Role::Bad, format!("/{text} is no expression yet")));
    } else if !images.filter().is_empty() {
        facts.push((Role::Warning, format!("/{}", images.filter().text())));
    }
    if images.sort() != Sort::List {
        facts.push((Role::Text, format!("by {}", images.sort().word())));
    }
    if images.has_marks() {
        facts.push((Role::Marked, format!("{} marked", images.marked().len())));
    }
    if images.selected().is_none() && !images.rows().is_empty() {
        facts.push((Role::Dim, "the selected image is not shown".into()));
    } else if images.is_following() && all > 0 && model.is_under_way() {
        facts.push((Role::Dim, "watching".into()));
    }
    facts
}

fn why_empty(model: &Model) -> String {
    if model.board.batch.is_none() {
        return "Waiting for the list.".into();
    }
    let filtered = !model.images.filter().is_empty();
    match model.images.show() {
        StatusFilter::All if filtered => "No image matches the filter; esc clears it.".into(),
        StatusFilter::All => "The list has no images; q leaves.".into(),
        StatusFilter::Failures if !filtered => "No image failed; e shows all.".into(),
        StatusFilter::Failures => "No failure matches the filter; esc clears it.".into(),
        StatusFilter::Cause(_) if filtered => {
            "No image at this cause matches the filter; esc clears it.".into()
        }
        show if filtered => format!(
            "No image that is {} matches the filter; esc clears it.",
            show.words()
        ),
        StatusFilter::Cause(_) => "No image stands at this cause any more; esc shows all.".into(),
        show => format!("No image is {}; esc shows all.", show.words()),
    }
}

fn titles(model: &Model, buffer: &mut Buffer, area: Rect, columns: &[(Column, u16)]) {
    let mut pen = row_writer(model, buffer, area, 0);
    pen.skip(GUTTER);
    for (column, cells) in columns {
        let role = match model.images.sort() == column.sort() {
            true => Role::Strong,
            false => Role::Dim,
        };
        match column {
            Column::State => pen.column(role, "state", *cells),
            Column::Image => {
                let from = |registry| format!("image from {registry}");
                let title = model.names.source().map_or("image".into(), from);
                pen.column(role, &title, *cells);
            }
            Column::Destination => {
                let to = |registry| format!("to {registry}");
                let title = model.names.destination().map_or("to".into(), to);
                pen.column(role, &title, *cells);
            }
            Column::Progress if *cells > PERCENT => pen.column(role, "progress", *cells),
            Column::Progress => pen.right_column(role, "%", *cells),
            Column::Size => pen.right_column(role, "size", *cells),
            Column::Speed => pen.right_column(role, "speed", *cells),
            Column::Attempt => pen.right_column(role, "try", *cells),
            Column::Cause => pen.column(role, "note", *cells),
        }
    }
}

fn draw_row(
    model: &Model,
    buffer: &mut Buffer,
    area: Rect,
    index: u16,
    columns: &[(Column, u16)],
    row: Row,
    view: &JobView,
) {
    let phase = phase(view);
    let note = note(model, view);
    let mut pen = row_writer(model, buffer, area, index);
    let glyphs = pen.glyphs();
    pen.put(Role::Accent, if row.selected { glyphs.cursor } else { " " });
    pen.put(Role::Marked, if row.marked { glyphs.mark } else { " " });
    // Without a column of its own, what went wrong matters more than how far the image is.
    let has_cause = columns.iter().any(|(column, _)| *column == Column::Cause);
    let instead = note
        .as_ref()
        .filter(|_| !has_cause && !matches!(phase, Phase::Copied | Phase::Planned));
    for (column, cells) in columns {
        match (column, instead) {
            (Column::Progress | Column::Size | Column::Speed | Column::Attempt, Some(note)) => {
                pen.put(note.0, &note.1);
                break;
            }
            _ => cell(model, &mut pen, view, *column, *cells, note.as_ref()),
        }
    }
    if row.selected && model.focus == Pane::Images {
        let line = Rect {
            y: area.y + index,
            height: 1,
            ..area
        };
        select(model, buffer, line);
    }
}

fn cell(
    model: &Model,
    pen: &mut CellWriter,
    view: &JobView,
    column: Column,
    cells: u16,
    note: Option<&(Role, String)>,
) {
    let phase = phase(view);
    let role = Role::from(phase);
    let glyphs = pen.glyphs();
    match column {
        Column::State => {
            pen.put(role, glyphs.phase(phase));
            pen.skip(1);
            pen.column(role, phase.word(), cells - 2);
        }
        Column::Image => {
            let text = match phase {
                Phase::Queued | Phase::Skipped | Phase::Kept => Role::Dim,
                _ => Role::Text,
            };
            let image = model
                .names
                .clip_source(glyphs, &view.job.spec.source, cells);
            pen.column(text, &image, cells);
        }
        Column::Destination => {
            let destination = &view.job.spec.destination;
            let name = model.names.clip_destination(glyphs, destination, cells);
            pen.column(Role::Dim, &name, cells);
        }
        Column::Progress => progress(pen, view, cells),
        Column::Size => {
            let size = match view.is_sized() {
                true => bytes(view.bytes_total),
                false => String::new(),
            };
            pen.right_column(Role::Text, &size, cells);
        }
        Column::Speed => {
            let speed = model.stats.speed.speed_of(view.job.id);
            let speed = speed.filter(|speed| *speed > 0 && phase.is_active());
            pen.right_column(Role::Busy, &speed.map(rate).unwrap_or_default(), cells);
        }
        Column::Attempt => {
            let attempt = match view.attempt.0 {
                0 | 1 => String::new(),
                attempt => attempt.to_string(),
            };
            pen.right_column(Role::Warning, &attempt, cells);
        }
        Column::Cause => match note {
            Some((role, text)) => pen.column(*role, text, cells),
            None => pen.skip(cells + 1),
        },
    }
}

fn progress(pen: &mut CellWriter, view: &JobView, cells: u16) {
    let phase = phase(view);
    // A full bar says no more than the state: rows still under way should stand out.
    let started = match phase {
        Phase::Copying => true,
        Phase::Copied | Phase::Reading => false,
        _ => view.bytes_done > 0,
    };
    if !started || !view.is_sized() {
        return pen.skip(cells + 1);
    }
    let share = percent(view.bytes_done, view.bytes_total);
    if cells > PERCENT {
        pen.bar(Role::from(phase), u64::from(share), 100, BAR);
        pen.skip(1);
    }
    pen.right_column(Role::Text, &format!("{share}%"), PERCENT);
}

//! The images pane: a table.

use ratatui::layout::Rect;

use super::{
    batch_pane::{select, titled},
    canvas::Canvas,
    cell_writer::CellWriter,
    notes::{by_engine, note},
};
use crate::{
    batch::JobView,
    present::{Phase, bytes, percent, phase, rate},
    tui::{
        areas,
        columns::{BAR, Column, GUTTER, PERCENT, columns},
        images::Row,
        layout::Pane,
        model::Model,
        sort::Sort,
        status_filter::StatusFilter,
        theme::Role,
    },
};

pub fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let area = titled(model, canvas, area, Pane::Images, &facts(model));
    let columns = columns(
        area.width,
        &model.options.columns,
        model.images.show(),
        model.names.widest(),
    );
    titles(model, canvas, area, &columns);
    let rows = areas::below(area, 1);
    if model.images.rows().is_empty() {
        let mut writer = canvas.row(rows, 0);
        writer.skip(GUTTER);
        return writer.put(Role::Dim, &why_empty(model));
    }
    for (index, row) in (0..).zip(model.images.page(usize::from(rows.height))) {
        if let Some(view) = model.board.job(row.job) {
            draw_row(model, canvas, rows, index, &columns, row, view);
        }
    }
}

/// Number, filters and order of the images, for the title.
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
            facts.push((Role::Bad, format!("{} {}", cause.origin(), cause.message)))
        }
        show if show.is_about_failures() => facts.push((Role::Bad, show.name().into())),
        show => facts.push((Role::Strong, show.name().into())),
    }
    if images.filter().is_broken() {
        let text = images.filter().text();
        facts.push((Role::Bad, format!("/{text} is not a valid expression")));
    } else if !images.filter().is_empty() {
        facts.push((Role::Warning, format!("/{}", images.filter().text())));
    }
    if images.sort() != Sort::List {
        facts.push((Role::Text, format!("by {}", images.sort().name())));
    }
    if images.has_marks() {
        facts.push((Role::Marked, format!("{} marked", images.marked().len())));
    }
    if images.selected().is_none() && !images.rows().is_empty() {
        facts.push((Role::Dim, "the selected image is not shown".into()));
    } else if images.is_following() && all > 0 && model.is_under_way() {
        facts.push((Role::Dim, "following".into()));
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
            "No image with this cause matches the filter; esc clears it.".into()
        }
        show if filtered => format!(
            "No image that is {} matches the filter; esc clears it.",
            show.name()
        ),
        StatusFilter::Cause(_) => "No image has this cause any more; esc shows all.".into(),
        show => format!("No image is {}; esc shows all.", show.name()),
    }
}

fn titles(model: &Model, canvas: &mut Canvas, area: Rect, columns: &[(Column, u16)]) {
    let mut writer = canvas.row(area, 0);
    writer.skip(GUTTER);
    for (column, cells) in columns {
        let role = match model.images.sort() == column.sort() {
            true => Role::Strong,
            false => Role::Dim,
        };
        match column {
            Column::State => writer.column(role, "state", *cells),
            Column::Image => {
                let from = |registry| format!("image from {registry}");
                let title = model.names.source().map_or("image".into(), from);
                writer.column(role, &title, *cells);
            }
            Column::Destination => {
                let to = |registry| format!("to {registry}");
                let title = model.names.destination().map_or("to".into(), to);
                writer.column(role, &title, *cells);
            }
            Column::Progress if *cells > PERCENT => writer.column(role, "progress", *cells),
            Column::Progress => writer.right_column(role, "%", *cells),
            Column::Size => writer.right_column(role, "size", *cells),
            Column::Speed => writer.right_column(role, "speed", *cells),
            Column::Attempt => writer.right_column(role, "try", *cells),
            Column::Cause => writer.column(role, "note", *cells),
        }
    }
}

fn draw_row(
    model: &Model,
    canvas: &mut Canvas,
    area: Rect,
    index: u16,
    columns: &[(Column, u16)],
    row: Row,
    view: &JobView,
) {
    let phase = phase(view);
    let note = note(model, view);
    let remark = note.clone().or_else(|| by_engine(view));
    let mut writer = canvas.row(area, index);
    let glyphs = writer.glyphs();
    writer.put(Role::Accent, if row.selected { glyphs.cursor } else { " " });
    writer.put(Role::Marked, if row.marked { glyphs.mark } else { " " });
    // Without a column for notes, a note takes the place of the numbers.
    let has_cause = columns.iter().any(|(column, _)| *column == Column::Cause);
    let instead = note
        .as_ref()
        .filter(|_| !has_cause && !matches!(phase, Phase::Copied | Phase::Planned));
    for (column, cells) in columns {
        match (column, instead) {
            (Column::Progress | Column::Size | Column::Speed | Column::Attempt, Some(note)) => {
                writer.put(note.0, &note.1);
                break;
            }
            _ => cell(model, &mut writer, view, *column, *cells, remark.as_ref()),
        }
    }
    if row.selected && model.focus == Pane::Images {
        select(model, canvas, area, index);
    }
}

fn cell(
    model: &Model,
    writer: &mut CellWriter,
    view: &JobView,
    column: Column,
    cells: u16,
    note: Option<&(Role, String)>,
) {
    let phase = phase(view);
    let role = Role::from(phase);
    let glyphs = writer.glyphs();
    match column {
        Column::State => {
            writer.put(role, glyphs.phase(phase));
            writer.skip(1);
            writer.column(role, phase.name(), cells - 2);
        }
        Column::Image => {
            let text = match phase {
                Phase::Queued | Phase::Skipped | Phase::Kept => Role::Dim,
                _ => Role::Text,
            };
            let image = model
                .names
                .clip_source(glyphs, &view.job.spec.source, cells);
            writer.column(text, &image, cells);
        }
        Column::Destination => {
            let destination = &view.job.spec.destination;
            let name = model.names.clip_destination(glyphs, destination, cells);
            writer.column(Role::Dim, &name, cells);
        }
        Column::Progress => progress(writer, view, cells),
        Column::Size => {
            let size = match view.is_sized() {
                true => bytes(view.bytes_total),
                false => String::new(),
            };
            writer.right_column(Role::Text, &size, cells);
        }
        Column::Speed => {
            let speed = model.stats.speed.speed_of(view.job.id);
            let speed = speed.filter(|speed| *speed > 0 && phase.is_active());
            writer.right_column(Role::Busy, &speed.map(rate).unwrap_or_default(), cells);
        }
        Column::Attempt => {
            let attempt = match view.attempt.0 {
                0 | 1 => String::new(),
                attempt => attempt.to_string(),
            };
            writer.right_column(Role::Warning, &attempt, cells);
        }
        Column::Cause => match note {
            Some((role, text)) => writer.column(*role, text, cells),
            None => writer.skip(cells + 1),
        },
    }
}

fn progress(writer: &mut CellWriter, view: &JobView, cells: u16) {
    let phase = phase(view);
    // A full bar shows no more than the state does.
    let started = match phase {
        Phase::Copying => true,
        Phase::Copied | Phase::Reading => false,
        _ => view.bytes_done > 0,
    };
    if !started || !view.is_sized() {
        return writer.skip(cells + 1);
    }
    let share = percent(view.bytes_done, view.bytes_total);
    if cells > PERCENT {
        writer.bar(Role::from(phase), u64::from(share), 100, BAR);
        writer.skip(1);
    }
    writer.right_column(Role::Text, &format!("{share}%"), PERCENT);
}

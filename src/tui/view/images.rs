//! The table of images.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{Pen, notes::note, pen, titled};
use crate::{
    batch::JobView,
    present::{Phase, bytes, percent, phase},
    tui::{
        images::Row,
        layout::Pane,
        model::{Model, Overlay},
        order::{Show, Sort},
        theme::Role,
    },
};

const GUTTER: u16 = 2;
const STATE: u16 = 12;
const BAR: u16 = 10;
const PERCENT: u16 = 4;
const SIZE: u16 = 10;
const ATTEMPT: u16 = 3;

/// How wide the columns are; those without room are absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Columns {
    image: u16,
    destination: Option<u16>,
    bar: bool,
    size: bool,
    attempt: bool,
    /// Without its own column a note takes the place of progress and size.
    note: Option<u16>,
}

impl Columns {
    fn new(width: u16, show: Show) -> Self {
        let state = GUTTER + STATE + 1;
        let rest = width.saturating_sub(state);
        if show == Show::Failures {
            // Why they failed is what matters about failures.
            let rest = rest.saturating_sub(ATTEMPT + 2);
            let image = (rest * 2 / 5).min(60);
            return Self {
                image,
                destination: None,
                bar: false,
                size: false,
                attempt: true,
                note: Some(rest - image),
            };
        }
        let bar = width >= 64;
        let progress = PERCENT + 1 + if bar { BAR + 1 } else { 0 };
        let rest = rest.saturating_sub(progress + SIZE + 1);
        let (image, destination, note) = match rest {
            110.. => (rest * 7 / 20, Some(rest * 7 / 20), true),
            68..110 => (rest / 2, None, true),
            _ => (rest, None, false),
        };
        let taken = image + destination.unwrap_or(0) + ATTEMPT + 2;
        Self {
            image,
            destination,
            bar,
            size: true,
            attempt: note,
            note: note.then(|| rest.saturating_sub(taken)),
        }
    }

    fn progress(&self) -> Option<u16> {
        match (self.bar, self.size) {
            (true, _) => Some(BAR + 1 + PERCENT),
            (false, true) => Some(PERCENT),
            (false, false) => None,
        }
    }
}

pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    let area = titled(model, buffer, area, Pane::Images, "Images", &facts(model));
    let columns = Columns::new(area.width, model.images.show());
    titles(model, buffer, area, columns);
    let rows = Rect {
        y: area.y + 1.min(area.height),
        height: area.height.saturating_sub(1),
        ..area
    };
    if model.images.rows().is_empty() {
        let mut pen = pen(model, buffer, rows, 0);
        pen.skip(GUTTER);
        return pen.put(Role::Dim, why_empty(model));
    }
    for (index, row) in (0..).zip(model.images.page(usize::from(rows.height))) {
        if let Some(view) = model.board.job(row.job) {
            draw_row(model, buffer, rows, index, columns, row, view);
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
    if images.show() == Show::Failures {
        facts.push((Role::Bad, "failures".into()));
    }
    if !images.filter().is_empty() {
        facts.push((Role::Warning, format!("/{}", images.filter())));
    }
    if images.sort() != Sort::List {
        facts.push((Role::Text, format!("by {}", images.sort().word())));
    }
    if images.has_marks() {
        facts.push((Role::Marked, format!("{} marked", images.marked().len())));
    }
    if images.selected().is_none() && !images.rows().is_empty() {
        facts.push((Role::Dim, "the selected image is not shown".into()));
    } else if images.is_following() && all > 0 && model.ended.is_none() {
        facts.push((Role::Dim, "watching".into()));
    }
    facts
}

fn why_empty(model: &Model) -> &'static str {
    if model.board.batch.is_none() {
        return "Waiting for the list.";
    }
    match (model.images.filter().is_empty(), model.images.show()) {
        (false, Show::All) => "No image matches the filter; esc clears it.",
        (false, Show::Failures) => "No failed image matches the filter; esc clears it.",
        (true, Show::Failures) => "No image failed; e shows all.",
        (true, Show::All) => "The list has no images; q leaves.",
    }
}

fn titles(model: &Model, buffer: &mut Buffer, area: Rect, columns: Columns) {
    let sorted = |by: Sort| match model.images.sort() == by {
        true => Role::Strong,
        false => Role::Dim,
    };
    let mut pen = pen(model, buffer, area, 0);
    pen.skip(GUTTER);
    pen.column(sorted(Sort::State), "state", STATE);
    let from = |registry| format!("image from {registry}");
    let source = model.names.source().map_or("image".into(), from);
    pen.column(sorted(Sort::Image), &source, columns.image - 1);
    if let Some(cells) = columns.destination {
        let to = |registry| format!("to {registry}");
        let destination = model.names.destination().map_or("to".into(), to);
        pen.column(sorted(Sort::Destination), &destination, cells - 1);
    }
    if let Some(cells) = columns.progress() {
        match columns.bar {
            true => pen.column(sorted(Sort::Progress), "progress", cells),
            false => pen.right_column(sorted(Sort::Progress), "%", cells),
        }
        pen.right_column(sorted(Sort::Size), "size", SIZE);
    }
    if columns.attempt {
        pen.right_column(sorted(Sort::Attempt), "try", ATTEMPT);
    }
    if columns.note.is_some() {
        pen.skip(1);
        pen.put(Role::Dim, "note");
    }
}

fn draw_row(
    model: &Model,
    buffer: &mut Buffer,
    area: Rect,
    index: u16,
    columns: Columns,
    row: Row,
    view: &JobView,
) {
    let phase = phase(view);
    let role = Role::from(phase);
    let note = note(model, view);
    let mut pen = pen(model, buffer, area, index);
    let glyphs = pen.glyphs();
    pen.put(Role::Accent, if row.selected { glyphs.cursor } else { " " });
    pen.put(Role::Marked, if row.marked { glyphs.mark } else { " " });
    pen.put(role, glyphs.phase(phase));
    pen.skip(1);
    pen.column(role, phase.word(), STATE - 2);
    let text = match phase {
        Phase::Queued | Phase::Skipped => Role::Dim,
        _ => Role::Text,
    };
    let cells = columns.image - 1;
    let image = model.names.clip_source(glyphs, &view.job.source, cells);
    pen.column(text, &image, cells);
    if let Some(cells) = columns.destination {
        let destination = &view.job.destination;
        let destination = model.names.clip_destination(glyphs, destination, cells - 1);
        pen.column(Role::Dim, &destination, cells - 1);
    }
    if columns.note.is_none()
        && phase != Phase::Copied
        && let Some((role, text)) = &note
    {
        pen.put(*role, text);
    } else {
        progress(&mut pen, view, columns);
        if columns.attempt {
            let attempt = match view.attempt.0 {
                0 | 1 => String::new(),
                attempt => attempt.to_string(),
            };
            pen.right_column(Role::Warning, &attempt, ATTEMPT);
        }
        if let Some((role, text)) = &note {
            pen.skip(1);
            pen.put(*role, text);
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

/// Shows the line as selected. Colours would fight the reversed background, so they go.
fn select(model: &Model, buffer: &mut Buffer, line: Rect) {
    let style = model.options.theme.style(Role::Selected);
    let faded = matches!(model.overlays.last(), Some(Overlay::Filter(_)));
    if !faded {
        let plain = Style::reset().add_modifier(Modifier::BOLD);
        buffer.set_style(line, plain.patch(style));
    }
}

fn progress(pen: &mut Pen, view: &JobView, columns: Columns) {
    let Some(cells) = columns.progress() else {
        return;
    };
    let phase = phase(view);
    // A full bar says no more than the state: rows still under way should stand out.
    let started = phase.is_active() || (view.bytes_done > 0 && phase != Phase::Copied);
    if started && !view.blobs.is_empty() {
        let share = percent(view.bytes_done, view.bytes_total);
        if columns.bar {
            pen.bar(Role::from(phase), u64::from(share), 100, BAR);
            pen.skip(1);
        }
        pen.right_column(Role::Text, &format!("{share}%"), PERCENT);
    } else {
        pen.skip(cells + 1);
    }
    let size = match view.blobs.is_empty() {
        true => String::new(),
        false => bytes(view.bytes_total),
    };
    pen.right_column(Role::Text, &size, SIZE);
}

//! Draws the lines in place, and the lines of the scrollback.
//!
//! Decides what narrow terminals leave out. Invariant: text reaches the terminal through a `CellWriter`, sanitized and cut.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    model::{ActiveBlob, InlineModel},
    scroll_line::ScrollLine,
};
use crate::{
    batch::{BlobKind, StopMode},
    oci::Digest,
    present::{
        Level, Phase, blob_kind, bytes, count, duration, percent, phase, rate, sanitize, settled,
        width, wrap,
    },
    tui::{
        theme::Role,
        view::{canvas::Canvas, cell_writer::CellWriter},
    },
};

const KIND: u16 = 6;
const DIGEST: u16 = 12;
const SIZE: u16 = 10;
/// Cells of a bar, at least and at most.
const BAR: (u16, u16) = (6, 40);
/// Before the text of a wrapped line.
const INDENT: u16 = 2;

/// Draws the lines in place.
pub fn draw(model: &InlineModel, buffer: &mut Buffer) {
    let area = buffer.area;
    let mut canvas = Canvas::new(buffer, &model.options);
    draw_names(model, &mut canvas, area);
    draw_progress(model, &mut canvas, area);
    let shown = model.blobs(usize::from(area.height.saturating_sub(2)));
    let mut row = 2;
    for blob in &shown.active {
        draw_blob(&mut canvas.row(area, row), blob);
        row += 1;
    }
    if shown.more > 0 {
        let mut writer = canvas.row(area, row);
        writer.skip(INDENT);
        let text = match shown.active.is_empty() {
            true => format!("{} to come", count(shown.more, "blob")),
            false => format!("and {} more", shown.more),
        };
        writer.put(Role::Dim, &text);
    }
}

/// Source and destination; in a narrow terminal each is cut.
fn draw_names(model: &InlineModel, canvas: &mut Canvas, area: Rect) {
    let mut writer = canvas.row(area, 0);
    let Some(view) = model.image() else {
        return writer.put(Role::Dim, "starting");
    };
    let glyphs = writer.glyphs();
    let others = match model.board.jobs().len() - 1 {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    let arrow = format!(" {} ", glyphs.arrow);
    let room = usize::from(writer.room()).saturating_sub(width(&arrow) + width(&others));
    let (source, destination) = (&view.job.spec.source, &view.job.spec.destination);
    let [from, to] = [source, destination].map(|location| width(&sanitize(&location.to_string())));
    // What one does not need, the other may have.
    let from = from.min((room / 2).max(room.saturating_sub(to)));
    writer.put(Role::Strong, &glyphs.clip_location(source, from));
    writer.put(Role::Dim, &arrow);
    writer.put(
        Role::Strong,
        &glyphs.clip_location(destination, room.saturating_sub(from)),
    );
    writer.put(Role::Dim, &others);
}

/// The state, a bar for all bytes, their amount, the time left and the speed, as far as there is room.
fn draw_progress(model: &InlineModel, canvas: &mut Canvas, area: Rect) {
    let (role, state) = state(model);
    let mut writer = canvas.row(area, 1);
    writer.column(role, state, u16::try_from(width(state)).unwrap_or(0));
    let (done, total) = (
        model.board.totals().done,
        model.stats.speed.expected(&model.board),
    );
    if total == 0 {
        return;
    }
    // All bytes may be there while manifests are still to be written.
    let share = match model.board.all_done() {
        true => percent(done, total),
        false => percent(done, total).min(99),
    };
    let mut facts = vec![
        format!(" {share:>3} %"),
        format!("  {} of {}", bytes(done), bytes(total)),
    ];
    let left = model.stats.speed.time_left(&model.board);
    facts.extend(left.map(|left| format!("  {} left", duration(left))));
    facts.extend((model.stats.speed.speed()).map(|speed| format!("  {}", rate(speed))));
    draw_bar(&mut writer, Role::Good, (done, total), facts);
}

fn state(model: &InlineModel) -> (Role, &'static str) {
    match model.board.stopping {
        Some(StopMode::Now) => return (Role::Alert, "stopping"),
        Some(StopMode::Drain | StopMode::Cancel) => {
            return (Role::Alert, "finishing; ctrl-c stops now");
        }
        None => {}
    }
    match model.image().map(phase) {
        Some(phase) => (Role::from(phase), phase.name()),
        None => (Role::Dim, "starting"),
    }
}

fn draw_blob(writer: &mut CellWriter, active: &ActiveBlob) {
    let ActiveBlob { blob, done, speed } = *active;
    writer.skip(INDENT);
    draw_blob_name(writer, blob.kind, &blob.digest);
    let facts = vec![
        format!(" {:>3} %", percent(done, blob.size).min(99)),
        format!("{:>11} of {:>10}", bytes(done), bytes(blob.size)),
        match speed {
            Some(speed) => format!("{:>14}", rate(speed)),
            None => " ".repeat(14),
        },
    ];
    draw_bar(writer, Role::Busy, (done, blob.size), facts);
}

fn draw_blob_name(writer: &mut CellWriter, kind: BlobKind, digest: &Digest) {
    writer.column(Role::Dim, blob_kind(kind), KIND);
    writer.column(Role::Text, &digest.short(), DIGEST);
}

/// A bar, and after it as many of the facts as leave it its least width.
fn draw_bar(
    writer: &mut CellWriter,
    role: Role,
    (done, total): (u64, u64),
    mut facts: Vec<String>,
) {
    let (least, most) = BAR;
    let room = usize::from(writer.room());
    let cells = |facts: &[String]| facts.iter().map(|fact| width(fact)).sum::<usize>();
    while cells(&facts) + usize::from(least) > room && facts.pop().is_some() {}
    let bar = room.saturating_sub(cells(&facts)).min(usize::from(most));
    writer.bar(role, done, total, u16::try_from(bar).unwrap_or(most));
    writer.put(Role::Text, &facts.concat());
}

/// How many rows a line of the scrollback takes.
#[must_use]
pub fn line_height(line: &ScrollLine, width: u16) -> u16 {
    let rows = match line {
        ScrollLine::Blob { .. } => 1,
        ScrollLine::Note { text, .. } => wrapped(text, width).len(),
        ScrollLine::Image { text, root } => {
            wrapped(text, width).len() + wrapped(&root.to_string(), width).len()
        }
    };
    u16::try_from(rows).unwrap_or(u16::MAX)
}

fn wrapped(text: &str, width: u16) -> Vec<String> {
    wrap(&sanitize(text), usize::from(width.saturating_sub(INDENT)))
}

/// Draws a line of the scrollback.
pub fn draw_line(model: &InlineModel, line: &ScrollLine, buffer: &mut Buffer, area: Rect) {
    let mut canvas = Canvas::new(buffer, &model.options);
    match line {
        ScrollLine::Blob {
            kind,
            digest,
            size,
            how,
        } => {
            let mut writer = canvas.row(area, 0);
            writer.column(Role::Good, writer.glyphs().phase(Phase::Copied), INDENT - 1);
            draw_blob_name(&mut writer, *kind, digest);
            writer.right_column(Role::Text, &bytes(*size), SIZE);
            writer.skip(1);
            writer.put(Role::Text, &settled(how));
        }
        ScrollLine::Note { level, text } => {
            let (role, mark) = match level {
                Level::Info => (Role::Dim, Phase::Queued),
                Level::Good => (Role::Good, Phase::Copied),
                Level::Warning => (Role::Warning, Phase::Waiting),
                Level::Error => (Role::Bad, Phase::Failed),
            };
            let rows = wrapped(text, area.width);
            draw_rows(&mut canvas, area, (role, mark), (Role::Text, &rows));
        }
        ScrollLine::Image { text, root } => {
            let mut rows = wrapped(text, area.width);
            rows.extend(wrapped(&root.to_string(), area.width));
            let mark = (Role::Good, Phase::Copied);
            draw_rows(&mut canvas, area, mark, (Role::Strong, &rows));
        }
    }
}

/// Rows of text, with a mark before the first.
fn draw_rows(
    canvas: &mut Canvas,
    area: Rect,
    mark: (Role, Phase),
    (role, rows): (Role, &[String]),
) {
    for (row, text) in (0..area.height).zip(rows) {
        let mut writer = canvas.row(area, row);
        match row {
            0 => writer.column(mark.0, writer.glyphs().phase(mark.1), INDENT - 1),
            _ => writer.skip(INDENT),
        }
        writer.put(role, text);
    }
}

//! The whole batch in three lines: which and in what state, how far, how fast.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{CellWriter, row_writer};
use crate::{
    batch::{StopMode, StopReason},
    present::{self, Phase, bytes, clock, count, duration, percent, rate, sanitize, width},
    tui::{model::Model, theme::Role},
};

/// Seconds of speed shown.
const SPARKS: usize = 24;

pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    title(model, buffer, area);
    match area.height {
        0..3 => narrow(model, buffer, area),
        _ if model.stats.has_ended() => {
            banner(model, buffer, area);
            next(model, buffer, area);
        }
        _ => {
            gauge(model, buffer, area);
            states(model, buffer, area);
        }
    }
}

/// All that fits a terminal too small for panes.
pub fn line(model: &Model, buffer: &mut Buffer, area: Rect) {
    let board = &model.board;
    let counts = board.counts();
    let images = count(board.jobs().len(), "image");
    let mut text = match board.is_reviewing() {
        true => format!("{images} reviewed"),
        false => format!("{} of {images}", ended(model)),
    };
    if counts.failed > 0 {
        text += &format!(", {} failed", counts.failed);
    }
    text += &format!(", {} %", share(model));
    if let Some(speed) = speed(model).filter(|_| !model.stats.has_ended()) {
        text += &format!(", {}", rate(speed));
    }
    let mut pen = row_writer(model, buffer, area, 0);
    pen.put(Role::Strong, &text);
    let hint = "  50x10 shows more";
    if usize::from(pen.room()) >= width(hint) {
        pen.put(Role::Dim, hint);
    }
}

fn title(model: &Model, buffer: &mut Buffer, area: Rect) {
    let board = &model.board;
    let (role, state) = state(model);
    let elapsed = clock(model.elapsed());
    let parallel = format!("{} at once", board.parallel);
    let dot = format!(" {} ", model.options.glyphs.separator);
    let mut pen = row_writer(model, buffer, area, 0);
    pen.skip(1);
    let padded = format!(" {state} ");
    let parts = [
        (Role::Text, " "),
        (role, padded.as_str()),
        (Role::Dim, " "),
        (Role::Text, &parallel),
        (Role::Dim, &dot),
        (Role::Text, &elapsed),
        (Role::Text, " "),
    ];
    pen.at_end(&parts);
    pen.put(Role::Accent, "transship");
    if let Some(batch) = &board.batch {
        pen.put(Role::Strong, &format!("  {}", sanitize(&board.list)));
        let resumed = if board.resumed { ", resumed" } else { "" };
        let name = format!("{dot}batch {}{resumed}", sanitize(&batch.0));
        if width(&name) <= usize::from(pen.room()) {
            pen.put(Role::Dim, &name);
        }
    }
    pen.skip(1);
}

/// What the batch as a whole is doing.
fn state(model: &Model) -> (Role, &'static str) {
    let board = &model.board;
    if board.finished {
        return match board.stopped_by {
            None => (Role::Celebrate, "finished"),
            Some(StopReason::User | StopReason::Signal | StopReason::Reviewed) => {
                (Role::Alert, "stopped")
            }
            Some(StopReason::JournalLost) => (Role::Alert, "journal lost"),
        };
    }
    if model.engine_gone {
        return (Role::Alert, "engine gone");
    }
    match board.stopping {
        Some(StopMode::Now) => return (Role::Alert, "stopping"),
        Some(StopMode::Drain | StopMode::Cancel) => return (Role::Alert, "draining"),
        None => {}
    }
    match (&board.batch, model.stats.has_ended(), board.paused) {
        (None, ..) => (Role::Dim, "starting"),
        (Some(_), true, _) => (Role::Celebrate, "done"),
        (Some(_), false, true) => (Role::Alert, "paused"),
        (Some(_), false, false) if board.is_reviewing() => (Role::Alert, "reviewing"),
        (Some(_), false, false) => (Role::Busy, "running"),
    }
}

fn gauge(model: &Model, buffer: &mut Buffer, area: Rect) {
    let (done, total) = (
        model.board.totals().done,
        model.stats.speed.expected(&model.board),
    );
    let about = match total > model.board.totals().planned {
        true => "about ",
        false => "",
    };
    let amount = match total {
        _ if model.board.is_reviewing() => {
            let images = model.board.jobs().len();
            format!(
                "  {} of {images} looked at",
                images - model.board.without_preflight()
            )
        }
        0 => String::new(),
        _ => format!("  {} of {about}{}", bytes(done), bytes(total)),
    };
    let share = share(model);
    let left = match model.stats.speed.time_left(&model.board) {
        Some(left) => format!("  {} left ", duration(left)),
        None => " ".into(),
    };
    let mut pen = row_writer(model, buffer, area, 1);
    pen.skip(1);
    let percent = format!("  {share:>3} %");
    pen.at_end(&[
        (Role::Strong, &percent),
        (Role::Text, &amount),
        (Role::Strong, &left),
    ]);
    let cells = pen.room();
    pen.bar(Role::Good, u64::from(share), 100, cells);
}

/// Two lines are all there is: images, share and speed.
fn narrow(model: &Model, buffer: &mut Buffer, area: Rect) {
    if model.stats.has_ended() {
        return banner(model, buffer, area);
    }
    let counts = model.board.counts();
    let (images, board) = (model.board.jobs().len(), &model.board);
    let mut facts = match board.is_reviewing() {
        true => format!(
            " {} of {images} looked at",
            images - board.without_preflight()
        ),
        false => format!(" {} of {images} ended", ended(model)),
    };
    if counts.failed > 0 {
        facts += &format!(", {} failed", counts.failed);
    }
    let speed = speed(model).map(|speed| format!(" {}", rate(speed)));
    let mut pen = row_writer(model, buffer, area, 1);
    pen.skip(1);
    let percent = format!(" {} %", share(model));
    pen.at_end(&[
        (Role::Strong, &percent),
        (Role::Text, &facts),
        (Role::Busy, speed.as_deref().unwrap_or_default()),
        (Role::Text, " "),
    ]);
    let cells = pen.room();
    pen.bar(Role::Good, u64::from(share(model)), 100, cells);
}

/// What became of the images, when every one has ended.
fn banner(model: &Model, buffer: &mut Buffer, area: Rect) {
    let board = &model.board;
    let failed = board.counts().failed;
    let verdict = match board.all_done() {
        true => "All images ended",
        false => "The batch was stopped",
    };
    let role = match failed {
        0 => Role::Celebrate,
        _ => Role::Alert,
    };
    let mut pen = row_writer(model, buffer, area, 1);
    pen.skip(1);
    pen.put(
        role,
        &format!(" {verdict}: {} ", present::outcome_counts(board)),
    );
    if area.height < 3 {
        sums(model, &mut pen);
    }
}

/// How much came how, as far as there is room for it.
fn sums(model: &Model, pen: &mut CellWriter) {
    let sums = format!("  {} ", present::blob_sums(&model.board));
    pen.at_end(&[(Role::Strong, &sums)]);
}

/// What an operator can do then.
fn next(model: &Model, buffer: &mut Buffer, area: Rect) {
    let board = &model.board;
    let next = match (board.counts().failed, &board.batch) {
        (0, _) | (_, None) => "q leaves".into(),
        (_, Some(_)) if !board.finished => "R retries the failed ones, q leaves".into(),
        // A command that is cut off cannot be pasted.
        (_, Some(id)) => (model.options.commands.retry_failed(id))
            .map(|command| format!("q leaves; `{command}` retries"))
            .filter(|next| width(next) + 2 <= usize::from(area.width))
            .unwrap_or_else(|| "q leaves and says what is next".into()),
    };
    let mut pen = row_writer(model, buffer, area, 2);
    pen.skip(2);
    pen.put(Role::Strong, &next);
    sums(model, &mut pen);
}

/// Images by state, and speed: in full where there is room, else all that ended in one number and
/// fewer seconds.
fn states(model: &Model, buffer: &mut Buffer, area: Rect) {
    let board = &model.board;
    let counts = board.counts();
    let in_flight = match board.is_reviewing() {
        true => Phase::Reading,
        false => Phase::Copying,
    };
    let (planned, queued) = (board.planned(), counts.queued - board.planned());
    let open = [
        (counts.running, in_flight, in_flight.word()),
        (counts.waiting, Phase::Waiting, "waiting"),
        (counts.failed, Phase::Failed, "failed"),
        (planned, Phase::Planned, Phase::Planned.word()),
        (queued, Phase::Queued, "queued"),
    ];
    let ended = [
        (counts.copied, Phase::Copied, "copied"),
        (counts.up_to_date, Phase::UpToDate, "up to date"),
        (counts.skipped, Phase::Skipped, "skipped"),
        (counts.kept, Phase::Kept, "kept"),
    ];
    let done = ended.iter().map(|(amount, ..)| amount).sum();
    let cells = |parts: &[(usize, Phase, &str)]| -> usize {
        (parts.iter().filter(|(amount, ..)| *amount > 0))
            .map(|(amount, _, word)| amount.to_string().len() + word.len() + 5)
            .sum()
    };
    let mut pen = row_writer(model, buffer, area, 2);
    pen.skip(1);
    let right = match speed(model) {
        Some(speed) => format!(" {} ", rate(speed)),
        None => " ".into(),
    };
    let room = usize::from(pen.room()).saturating_sub(width(&right));
    let mut parts = open.to_vec();
    match cells(&open) + cells(&ended) <= room {
        true => parts.extend(ended),
        false => parts.push((done, Phase::Copied, "done")),
    }
    let sparks = match room.saturating_sub(cells(&parts)) {
        0..6 => String::new(),
        _ if board.is_reviewing() => String::new(),
        room => sparks(model, room.min(SPARKS)),
    };
    pen.at_end(&[(Role::Busy, &sparks), (Role::Strong, &right)]);
    let glyphs = pen.glyphs();
    for (amount, phase, word) in parts.into_iter().filter(|(amount, ..)| *amount > 0) {
        let role = Role::from(phase);
        pen.put(role, glyphs.phase(phase));
        pen.put(Role::Strong, &format!(" {amount}"));
        pen.put(role, &format!(" {word}  "));
    }
}

/// The speed of the last seconds, as many as there is room for, newest at the right.
fn sparks(model: &Model, most: usize) -> String {
    let glyphs = model.options.glyphs.spark;
    let speeds: Vec<u64> = model.stats.speed.speeds(most).collect();
    let highest = speeds.iter().copied().max().unwrap_or(0).max(1);
    let steps = glyphs.len() as u128 - 1;
    (speeds.iter())
        .map(|speed| {
            let step = (u128::from(*speed) * steps).div_ceil(u128::from(highest));
            glyphs[usize::try_from(step).unwrap_or(0).min(glyphs.len() - 1)]
        })
        .collect()
}

/// Bytes a second, where bytes move at all.
fn speed(model: &Model) -> Option<u64> {
    (model.stats.speed.speed()).filter(|_| !model.board.is_reviewing())
}

/// Images that ended.
fn ended(model: &Model) -> usize {
    let counts = model.board.counts();
    counts.copied + counts.up_to_date + counts.failed + counts.skipped + counts.kept
}

/// Percent of the bytes, or of the images while no bytes are known; in a review, of what is to be looked at.
fn share(model: &Model) -> u8 {
    let (ended, images) = (ended(model) as u64, model.board.jobs().len() as u64);
    if model.board.is_reviewing() && images > 0 {
        return percent(images - model.board.without_preflight() as u64, images);
    }
    match model.stats.speed.expected(&model.board) {
        _ if images == 0 => 0,
        0 => percent(ended, images),
        // Bytes may all be there while manifests are still to be written.
        total if ended < images => percent(model.board.totals().done, total).min(99),
        total => percent(model.board.totals().done, total),
    }
}

//! The lines of the text output: how many images are done, which one this is about, what happened.

use crate::{
    batch::{Board, Event, Stats},
    present,
};

/// The line for an event that is worth one.
pub(super) fn line(event: &Event, board: &Board, attempts: Option<u16>) -> Option<String> {
    let sentence = present::sentence(event, board, attempts)?;
    let text = sentence.text;
    Some(match sentence.job.and_then(|job| board.job(job)) {
        Some(view) => {
            let (source, destination) = (&view.job.spec.source, &view.job.spec.destination);
            format!("{}  {source} -> {destination}  {text}\n", done(board))
        }
        None => format!("{text}\n"),
    })
}

/// How far the batch is.
pub(super) fn heartbeat(board: &Board, stats: &Stats) -> String {
    let counts = board.counts();
    let mut text = format!(
        "{}  {} queued, {} running, {} waiting",
        done(board),
        counts.queued,
        counts.running,
        counts.waiting
    );
    if counts.staged > 0 {
        text += &format!(", {} staged", counts.staged);
    }
    let totals = board.totals();
    if totals.planned > 0 {
        let (done, planned) = (present::bytes(totals.done), present::bytes(totals.planned));
        text += &format!(", {done} of {planned}");
    }
    if let Some(speed) = stats.speed.speed().filter(|speed| *speed > 0) {
        text += &format!(", {}/s", present::bytes(speed));
    }
    if let Some(left) = stats.speed.time_left(board) {
        text += &format!(", {} left", present::duration(left));
    }
    if board.paused {
        text += ", paused";
    }
    text.push('\n');
    text
}

/// `12/240`, as wide for every line of the batch.
fn done(board: &Board) -> String {
    let counts = board.counts();
    let done = counts.copied + counts.up_to_date + counts.failed + counts.skipped + counts.kept;
    let total = board.jobs().len().to_string();
    format!("{done:>width$}/{total}", width = total.len())
}

//! The lines of the text output: when, how many images are done, which one this is about, what happened.
//!
//! Decides which events have a line. Times are UTC, so that the logs of several machines can be compared.

use std::time::Duration;

use jiff::Timestamp;

use super::detail::Detail;
use crate::{
    batch::{BlobView, Board, Event, JobId, Settled, Stats, TimedEvent},
    oci::Digest,
    present::{self, Level, Sentence},
};

/// The line for an event that is worth one. `took` is the time of the attempt that it ends.
pub(super) fn line(
    TimedEvent { at, event }: &TimedEvent,
    board: &Board,
    attempts: Option<u16>,
    took: Option<Duration>,
    detail: Detail,
) -> Option<String> {
    let sentence = present::sentence(event, board, attempts, took);
    let (job, text) = match (detail, event, sentence) {
        (Detail::Quiet, _, sentence) => said(sentence.filter(|said| said.level == Level::Error)?),
        // Starts are worth a line only to those who want everything.
        (Detail::Normal, Event::JobStarted { .. }, _) => return None,
        (Detail::Normal | Detail::Verbose, _, Some(sentence)) => said(sentence),
        (Detail::Normal, _, None) => return None,
        (Detail::Verbose, event, None) => of_blobs(event, board)?,
    };
    let at = timestamp(*at);
    Some(match job.and_then(|job| board.job(job)) {
        Some(view) => {
            let (source, destination) = (&view.job.spec.source, &view.job.spec.destination);
            format!("{at}  {}  {source} -> {destination}  {text}\n", done(board))
        }
        None => format!("{at}  {text}\n"),
    })
}

fn said(sentence: Sentence) -> (Option<JobId>, String) {
    (sentence.job, sentence.text)
}

/// What happens to the blobs of an image.
fn of_blobs(event: &Event, board: &Board) -> Option<(Option<JobId>, String)> {
    let blob = |job: &JobId, digest: &Digest| {
        let blobs = board.job(*job).map(|view| &view.blobs);
        let found = blobs.and_then(|blobs| blobs.iter().find(|blob| blob.digest == *digest));
        let of = |blob: &BlobView| format!("{} {digest}", present::blob_kind(blob.kind));
        found.map_or_else(|| digest.to_string(), of)
    };
    let (job, text) = match event {
        Event::JobPlanned { job, blobs, .. } => {
            let size = blobs
                .iter()
                .map(|blob| blob.size)
                .fold(0, u64::saturating_add);
            let (blobs, size) = (present::count(blobs.len(), "blob"), present::bytes(size));
            (job, format!("manifests read: {size} in {blobs}"))
        }
        Event::BlobWaited { job, digest, .. } => (
            job,
            format!("{} is copied for another image", blob(job, digest)),
        ),
        Event::BlobSettled {
            job,
            digest,
            bytes,
            how,
        } => {
            let how = match how {
                Settled::Present => "already there".into(),
                Settled::Mounted { .. } | Settled::Copied => present::settled(how),
            };
            (
                job,
                format!("{} {how}, {}", blob(job, digest), present::bytes(*bytes)),
            )
        }
        Event::BatchStarted { .. }
        | Event::JobListed { .. }
        | Event::JobRestored { .. }
        | Event::ReviewStarted
        | Event::ReviewEnded
        | Event::JobQueued { .. }
        | Event::JobPrioritized { .. }
        | Event::JobStarted { .. }
        | Event::MethodSelected { .. }
        | Event::BlobStarted { .. }
        | Event::Progress { .. }
        | Event::RegistriesSampled { .. }
        | Event::JobRetryScheduled { .. }
        | Event::JobStaged { .. }
        | Event::JobFinished { .. }
        | Event::Noted { .. }
        | Event::BatchPaused
        | Event::BatchResumed
        | Event::ParallelChanged { .. }
        | Event::LimitChanged { .. }
        | Event::StopRequested { .. }
        | Event::CommandRefused { .. }
        | Event::BatchFinished { .. } => return None,
    };
    Some((Some(*job), text))
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

/// `2026-11-21T14:30:00Z`.
pub(super) fn timestamp(at: Timestamp) -> String {
    let second = Timestamp::from_second(at.as_second());
    second.unwrap_or(at).to_string()
}

/// `12/240`, as wide for every line of the batch.
fn done(board: &Board) -> String {
    let counts = board.counts();
    let done = counts.copied + counts.up_to_date + counts.failed + counts.skipped + counts.kept;
    let total = board.jobs().len().to_string();
    format!("{done:>width$}/{total}", width = total.len())
}

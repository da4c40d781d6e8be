//! The status of a stored batch in one line.

use crate::journal::BatchSummary;

/// Whether the batch runs, was interrupted or has finished, and its counts.
pub(super) fn batch_status(batch: &BatchSummary) -> String {
    let jobs = batch.jobs;
    let left = jobs.queued + jobs.running + jobs.waiting;
    let counts: Vec<String> = [
        (jobs.copied, "copied"),
        (jobs.up_to_date, "up to date"),
        (jobs.staged, "staged"),
        (jobs.failed, "failed"),
        (jobs.skipped, "skipped"),
        (jobs.kept, "kept"),
        (left, "left"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect();
    let counts = if counts.is_empty() {
        "no images yet".into()
    } else {
        counts.join(", ")
    };
    match &batch.owner {
        Some(owner) => format!(
            "running in process {} on {}: {counts}",
            owner.pid, owner.host
        ),
        None if batch.has_ended() => format!("finished: {counts}"),
        None => format!("interrupted: {counts}"),
    }
}

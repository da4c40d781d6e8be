//! `transship batches`: what the journal knows.

use std::io::Write as _;

use super::{
    BatchesArguments, BatchesCommand, Exit, batch_deletion,
    output::{json, print, tell},
    shown,
};
use crate::{journal::BatchSummary, present};

pub(super) async fn batches(arguments: BatchesArguments) -> anyhow::Result<Exit> {
    match arguments.command {
        Some(BatchesCommand::Delete(delete)) => batch_deletion::delete(delete).await,
        None => list(arguments).await,
    }
}

async fn list(arguments: BatchesArguments) -> anyhow::Result<Exit> {
    let batches = match arguments.journal.journal()?.existing().await? {
        Some(journal) => journal.batches().await?,
        None => Vec::new(),
    };
    if arguments.json {
        print(|output| {
            let mut batches = batches.iter();
            batches.try_for_each(|batch| writeln!(output, "{}", json(&as_json(batch))?))
        })?;
        return Ok(Exit::Good);
    }
    if batches.is_empty() {
        let run = arguments.journal.commands()?.line(&["run", "LIST"]);
        tell(format_args!("no batches yet; `{run}` makes one"));
        return Ok(Exit::Good);
    }
    let width = batches
        .iter()
        .map(|batch| batch.id.0.len())
        .max()
        .unwrap_or_default();
    print(|output| {
        batches.iter().try_for_each(|batch| {
            let list = present::sanitize(&shown(&batch.list_path)).into_owned();
            writeln!(output, "{:width$}  {}  {list}", batch.id, standing(batch))
        })
    })?;
    Ok(Exit::Good)
}

/// What became of a batch, in words.
pub(super) fn standing(batch: &BatchSummary) -> String {
    let jobs = batch.jobs;
    let left = jobs.queued + jobs.running + jobs.waiting;
    let counts: Vec<String> = [
        (jobs.copied, "copied"),
        (jobs.up_to_date, "up to date"),
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
        Some(holder) => format!(
            "run now by process {} on {}: {counts}",
            holder.pid, holder.host
        ),
        None if batch.has_ended() => format!("finished: {counts}"),
        None => format!("interrupted: {counts}"),
    }
}

fn as_json(batch: &BatchSummary) -> serde_json::Value {
    let jobs = batch.jobs;
    serde_json::json!({
        "batch": batch.id,
        "list": shown(&batch.list_path),
        "list_digest": batch.list_digest,
        "created": batch.created,
        "images": {
            "queued": jobs.queued,
            "running": jobs.running,
            "waiting": jobs.waiting,
            "copied": jobs.copied,
            "up_to_date": jobs.up_to_date,
            "failed": jobs.failed,
            "skipped": jobs.skipped,
            "kept": jobs.kept,
        },
        "holder": batch.owner.as_ref().map(|holder| serde_json::json!({
            "host": holder.host, "pid": holder.pid, "since": holder.since,
        })),
    })
}

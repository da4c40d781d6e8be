//! `transship batches`: lists the batches of the journal.

use std::io::Write as _;

use clap::{Args, Subcommand};

use super::{
    batch_deletion::{self, DeleteArguments},
    batch_status::batch_status,
    exit::Exit,
    journal_arguments::JournalArguments,
    output::{json, print, shown, tell},
};
use crate::{journal::BatchSummary, present};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct BatchesArguments {
    #[command(subcommand)]
    command: Option<BatchesCommand>,
    #[command(flatten)]
    journal: JournalArguments,
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
pub(super) enum BatchesCommand {
    /// Remove batches from the journal; the images they copied stay.
    Delete(DeleteArguments),
}

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
        tell(format_args!("no batches yet; `{run}` starts one"));
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
            writeln!(
                output,
                "{:width$}  {}  {list}",
                batch.id,
                batch_status(batch)
            )
        })
    })?;
    Ok(Exit::Good)
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
            "staged": jobs.staged,
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

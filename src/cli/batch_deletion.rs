//! `transship batches delete`: which batches to delete, and whether that is allowed.
//!
//! Invariant: a batch that a process runs is never deleted, one with images left only with `--force`, and nothing before
//! the operator has seen how much.

use std::io::Write as _;

use anyhow::Context as _;
use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use jiff::{Span, Timestamp, tz::TimeZone};

use super::{
    batch_status::batch_status,
    completed_values,
    confirmation::confirm,
    exit::Exit,
    journal_arguments::JournalArguments,
    output::{print, tell},
};
use crate::{
    journal::{BatchSummary, Journal, JournalError},
    present,
};

#[derive(Args)]
pub(super) struct DeleteArguments {
    /// The batches, each by its name or a unique part of it.
    #[arg(required_unless_present = "older_than",
        add = ArgValueCandidates::new(completed_values::batches))]
    batches: Vec<String>,
    /// Every finished batch older than this, such as 30d, "2 weeks" or 12h.
    #[arg(long, value_name = "AGE", conflicts_with = "batches")]
    older_than: Option<Span>,
    /// Delete without asking.
    #[arg(long)]
    yes: bool,
    /// Also delete batches with images left, which then cannot be resumed.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    journal: JournalArguments,
}

pub(super) async fn delete(arguments: DeleteArguments) -> anyhow::Result<Exit> {
    let journal = arguments.journal.journal()?.existing().await?;
    let journal = journal.context("there is no journal, so no batch to delete")?;
    let batches = journal.batches().await?;
    let selected = match &arguments.older_than {
        Some(age) => select_older(batches, age, arguments.force)?,
        None => select_named(&journal, batches, &arguments).await?,
    };
    if selected.is_empty() {
        tell("no finished batch is that old");
        return Ok(Exit::Good);
    }
    if !arguments.yes && !confirm_batches(&selected)? {
        return Ok(Exit::Usage);
    }
    let mut deleted = 0;
    for batch in &selected {
        match journal.delete(&batch.id).await {
            Ok(()) => {
                deleted += 1;
                // What it kept for a resume. Without the batch nobody looks for it.
                let _ = std::fs::remove_dir_all(arguments.journal.spool(&batch.id)?);
            }
            // Another process has resumed or deleted it since it was listed.
            Err(error @ (JournalError::Held { .. } | JournalError::Unknown { .. })) => {
                let error = error.to_string();
                tell(format_args!(
                    "transship: failed to {}",
                    present::sanitize(&error)
                ));
            }
            Err(error) => return Err(error.into()),
        }
    }
    journal.compact().await?;
    let batches = present::count(deleted, "batch");
    print(|output| writeln!(output, "{batches} deleted"))?;
    match deleted == selected.len() {
        true => Ok(Exit::Good),
        false => Ok(Exit::Usage),
    }
}

/// The batches made before `age` ago that nobody runs: those that ended, or with `force` all.
fn select_older(
    batches: Vec<BatchSummary>,
    age: &Span,
    force: bool,
) -> anyhow::Result<Vec<BatchSummary>> {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    let before = now.checked_sub(*age)?.timestamp();
    let selected = |batch: &BatchSummary| {
        batch.created < before && batch.owner.is_none() && (force || batch.has_ended())
    };
    Ok(batches.into_iter().filter(selected).collect())
}

/// The batches with these names; fails if one of them may not be deleted.
async fn select_named(
    journal: &Journal,
    batches: Vec<BatchSummary>,
    arguments: &DeleteArguments,
) -> anyhow::Result<Vec<BatchSummary>> {
    let mut ids = Vec::new();
    for name in &arguments.batches {
        ids.push(arguments.journal.find(journal, name).await?);
    }
    let selected: Vec<BatchSummary> = batches
        .into_iter()
        .filter(|batch| ids.contains(&batch.id))
        .collect();
    for batch in &selected {
        let id = &batch.id;
        if batch.owner.is_some() {
            anyhow::bail!("batch {id} is {}; stop it first", batch_status(batch));
        }
        if !batch.has_ended() && !arguments.force {
            anyhow::bail!(
                "batch {id} is {}; `{}` continues it, --force deletes it anyway",
                batch_status(batch),
                arguments.journal.commands()?.line(&["resume", &id.0])
            );
        }
    }
    Ok(selected)
}

/// Asks the operator, after a list of the batches.
fn confirm_batches(selected: &[BatchSummary]) -> std::io::Result<bool> {
    for batch in selected {
        tell(format_args!("{}  {}", batch.id, batch_status(batch)));
    }
    let batches = present::count(selected.len(), "batch");
    confirm(
        &format!("delete {batches}? the copied images stay"),
        &format!("nothing deleted; --yes deletes {batches} without asking"),
    )
}

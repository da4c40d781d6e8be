//! `transship batches delete`: which batches are meant, and that they may go.
//!
//! Invariant: a batch with images left goes only when that is said, one that a process runs never does, and
//! nothing goes before the operator has seen how much.

use std::io::{IsTerminal, Write, stdin};

use anyhow::Context as _;
use jiff::{Span, Timestamp, tz::TimeZone};

use super::{
    DeleteArguments, Exit,
    batches::standing,
    output::{print, stderr, tell},
};
use crate::{
    journal::{BatchSummary, Journal, JournalError},
    present,
};

pub(super) async fn delete(arguments: DeleteArguments) -> anyhow::Result<Exit> {
    let journal = arguments.journal.journal()?.existing().await?;
    let journal = journal.context("there is no journal, so no batch to delete")?;
    let batches = journal.batches().await?;
    let meant = match &arguments.older_than {
        Some(age) => older(batches, age, arguments.force)?,
        None => named(&journal, batches, &arguments).await?,
    };
    if meant.is_empty() {
        tell("no batch is that old and ended");
        return Ok(Exit::Good);
    }
    if !arguments.yes && !agreed(&meant)? {
        return Ok(Exit::Usage);
    }
    let mut deleted = 0;
    for batch in &meant {
        match journal.delete(&batch.id).await {
            Ok(()) => deleted += 1,
            // Taken up, or deleted, by someone else since it was listed.
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
    match deleted == meant.len() {
        true => Ok(Exit::Good),
        false => Ok(Exit::Usage),
    }
}

/// The batches made before `age` ago that nobody runs: those that ended, or with `force` all.
fn older(batches: Vec<BatchSummary>, age: &Span, force: bool) -> anyhow::Result<Vec<BatchSummary>> {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    let before = now.checked_sub(*age)?.timestamp();
    let meant = |batch: &BatchSummary| {
        batch.created < before && batch.owner.is_none() && (force || batch.has_ended())
    };
    Ok(batches.into_iter().filter(meant).collect())
}

/// The batches that are named, each of which has to be one that may go.
async fn named(
    journal: &Journal,
    batches: Vec<BatchSummary>,
    arguments: &DeleteArguments,
) -> anyhow::Result<Vec<BatchSummary>> {
    let mut ids = Vec::new();
    for name in &arguments.batches {
        ids.push(arguments.journal.find(journal, name).await?);
    }
    let meant: Vec<BatchSummary> = batches
        .into_iter()
        .filter(|batch| ids.contains(&batch.id))
        .collect();
    for batch in &meant {
        let id = &batch.id;
        if batch.owner.is_some() {
            anyhow::bail!("batch {id} is {}; stop it first", standing(batch));
        }
        if !batch.has_ended() && !arguments.force {
            anyhow::bail!(
                "batch {id} is {}; `{}` goes on with it, --force deletes it all the same",
                standing(batch),
                arguments.journal.commands()?.line(&["resume", &id.0])
            );
        }
    }
    Ok(meant)
}

/// Asks, with what is to go; nobody to ask is no.
fn agreed(meant: &[BatchSummary]) -> anyhow::Result<bool> {
    let mut terminal = stderr();
    for batch in meant {
        writeln!(terminal, "{}  {}", batch.id, standing(batch))?;
    }
    let batches = present::count(meant.len(), "batch");
    if !stdin().is_terminal() {
        writeln!(
            terminal,
            "nothing deleted; --yes deletes {batches} without asking"
        )?;
        return Ok(false);
    }
    write!(terminal, "delete {batches}? what they copied stays [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

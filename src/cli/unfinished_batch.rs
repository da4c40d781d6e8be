//! Whether a batch of the same list was interrupted, which the operator may want to resume.
//!
//! Decides when to ask. Invariant: without a yes a new batch begins.

use std::io::{IsTerminal as _, stdin};

use super::{
    batch_status::batch_status,
    confirmation::confirm,
    front_end::{FrontEnd, Prepared},
    journal_arguments::JournalArguments,
    list_source::ListSource,
    output::tell,
    run_settings::RunSettings,
};
use crate::{
    batch::BatchId,
    journal::{BatchSummary, Journal},
};

/// The batch to resume instead of starting one, if the operator wants that.
pub(super) async fn to_resume(
    arguments: &JournalArguments,
    list: &ListSource,
    front_end: &Prepared,
) -> anyhow::Result<Option<BatchId>> {
    let Some(journal) = arguments.journal()?.existing().await? else {
        return Ok(None);
    };
    let Some(batch) = newest(&journal, list).await? else {
        return Ok(None);
    };
    if batch.has_ended() {
        return Ok(None);
    }
    let (id, status) = (&batch.id, batch_status(&batch));
    if batch.owner.is_some() {
        tell(format_args!("batch {id} of the same list is {status}"));
        return Ok(None);
    }
    tell(format_args!("batch {id} of the same list was {status}"));
    if front_end.front_end == FrontEnd::Screen && stdin().is_terminal() {
        let is_resumed = confirm("resume it instead of starting a new batch?", "")?;
        return Ok(is_resumed.then_some(batch.id));
    }
    let command = arguments.commands()?.line(&["resume", &id.0]);
    tell(format_args!(
        "`{command}` continues it; this is a new batch"
    ));
    Ok(None)
}

/// The newest batch of the list's file. Standard input has none.
async fn newest(journal: &Journal, list: &ListSource) -> anyhow::Result<Option<BatchSummary>> {
    if !list.path.is_file() {
        return Ok(None);
    }
    for batch in journal.batches().await? {
        if batch.list_path.file_name() != list.path.file_name() {
            continue;
        }
        let stored = journal.load_list(&batch.id).await?;
        if RunSettings::read(&stored.settings).directories().list == list.directories.list {
            return Ok(Some(batch));
        }
    }
    Ok(None)
}

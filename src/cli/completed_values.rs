//! The values that a shell offers for an argument: list files, and batches of the journal.
//!
//! Invariant: a journal that cannot be read, or not in [`PATIENCE`], offers no batch and prints no error.

use std::{ffi::OsStr, path::Path, time::Duration};

use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter as _};

use super::{batch_status::batch_status, journal_arguments::JournalArguments};
use crate::journal::BatchSummary;

/// How long an operator waits for a list of batches after pressing tab.
const PATIENCE: Duration = Duration::from_secs(2);

/// The files that may be lists, and directories.
pub(super) fn lists(current: &OsStr) -> Vec<CompletionCandidate> {
    let is_list = |path: &Path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    };
    let completer = PathCompleter::file().filter(is_list);
    completer.complete(current)
}

/// The batches of the journal that the environment names, newest first.
pub(super) fn batches() -> Vec<CompletionCandidate> {
    let batches = stored().unwrap_or_default();
    let offer = |(position, batch): (usize, BatchSummary)| {
        CompletionCandidate::new(&*batch.id.0)
            .help(Some(batch_status(&batch).into()))
            .display_order(Some(position))
    };
    batches.into_iter().enumerate().map(offer).collect()
}

/// Batches and list files.
pub(super) fn lists_and_batches(current: &OsStr) -> Vec<CompletionCandidate> {
    let begins = |candidate: &CompletionCandidate| {
        let value = candidate.get_value().as_encoded_bytes();
        value.starts_with(current.as_encoded_bytes())
    };
    let batches = batches().into_iter().filter(begins);
    lists(current).into_iter().chain(batches).collect()
}

fn stored() -> Option<Vec<BatchSummary>> {
    // The options before the cursor are not known here.
    let journal = JournalArguments::of_environment()
        .journal()
        .ok()?
        .on_wait(|_| {});
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    let read = async { journal.existing().await.ok()??.batches().await.ok() };
    let read = runtime.block_on(async { tokio::time::timeout(PATIENCE, read).await });
    // A thread may still wait for the file.
    runtime.shutdown_background();
    read.ok()?
}

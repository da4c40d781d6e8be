//! `transship run`: from a list to a finished batch.
//!
//! Invariant: nothing is written before everything that can be wrong was checked, and nothing is copied before the
//! batch is in the journal.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::{
    completed_values,
    credentials_file::CredentialsFileArguments,
    engines,
    exit::Exit,
    front_end::{OutputArguments, Prepared, prepare},
    journal_arguments::JournalArguments,
    list_images, list_input,
    list_source::{ListSource, TrustArguments},
    metrics_arguments::MetricsArguments,
    migration::{self, notes},
    output::shown,
    registry_settings,
    rollback_arguments::{RollbackFileArguments, RollbackOption},
    run_settings::{PaceArguments, PaceOptions, RunSettings},
};
use crate::{
    batch::{BatchResult, Board},
    convert::ListDestination,
    journal::{Journal, NewBatch, Recorder},
    run::Batch,
};

#[derive(Args)]
pub(super) struct RunArguments {
    /// The TOML list of images, or - for standard input, which may also have plain references.
    #[arg(add = ArgValueCompleter::new(completed_values::lists))]
    pub(super) list: PathBuf,
    /// Where references from standard input go.
    #[arg(long, value_name = "REGISTRY[/PREFIX]")]
    pub(super) to: Option<ListDestination>,
    #[command(flatten)]
    pub(super) trust: TrustArguments,
    #[command(flatten)]
    pub(super) credentials: CredentialsFileArguments,
    #[command(flatten)]
    pub(super) journal: JournalArguments,
    #[command(flatten)]
    pub(super) pace: PaceArguments,
    #[command(flatten)]
    pub(super) rollback: RollbackFileArguments,
    #[command(flatten)]
    pub(super) metrics: MetricsArguments,
    #[command(flatten)]
    pub(super) output: OutputArguments,
}

pub(super) async fn run(arguments: RunArguments) -> anyhow::Result<Exit> {
    let front_end = prepare(&arguments.output, arguments.journal.commands()?)?;
    let front_end = front_end.with_metrics(arguments.metrics.prepare()?);
    run_prepared(arguments, front_end).await
}

pub(super) async fn run_prepared(
    arguments: RunArguments,
    front_end: Prepared,
) -> anyhow::Result<Exit> {
    let source = list_input::read(&arguments.list, arguments.to.as_ref())?;
    let RunArguments {
        trust,
        credentials,
        journal,
        pace,
        rollback,
        ..
    } = arguments;
    let rollback = rollback.of_new_batch()?;
    let options = (pace, rollback);
    Ok(
        match run_list(source, trust, credentials, &journal, options, front_end).await? {
            Ok(board) => BatchResult::of(&board).into(),
            Err(exit) => exit,
        },
    )
}

/// Runs a list to the end of its batch; an exit code if the list cannot be run.
pub(super) async fn run_list(
    source: ListSource,
    trust: TrustArguments,
    credentials: CredentialsFileArguments,
    arguments: &JournalArguments,
    (pace, rollback): (PaceArguments, RollbackOption),
    front_end: Prepared,
) -> anyhow::Result<Result<Board, Exit>> {
    let journal = arguments.journal()?;
    let list = match source.parse(trust) {
        Ok(list) => list,
        Err(exit) => return Ok(Err(exit)),
    };
    let credentials = credentials.absolute()?;
    let places = credentials.places();
    let engine = Arc::new(registry_settings::engine(&list, &places)?);
    let mut jobs = match list_images::expand(&list, engine.stores()).await? {
        Ok(jobs) => jobs,
        Err(exit) => return Ok(Err(exit)),
    };
    let pace = PaceOptions::from(pace);
    let options = pace.options(&list);
    let mut notes = notes(&list, &front_end);
    let skopeo = engines::choose(&list, &places, &mut jobs, &mut notes)?;
    rollback.check(&jobs, &mut notes)?;
    // A long list is large, and the jobs have everything.
    drop(list);
    let journal = journal.make().await?;
    let settings = RunSettings::new(
        pace,
        &source.directories,
        credentials.path(),
        rollback.path(),
    );
    let recorder = start(&journal, &source, &settings).await?;
    rollback.start(&engine, recorder.batch(), false)?;
    let spool = arguments.spool(recorder.batch())?;
    engine.stores().spool().use_directory(spool);
    let batch = Batch {
        list: shown(&source.path),
        jobs,
        restored: None,
        staged: Vec::new(),
        notes,
    };
    let board = migration::migrate(
        (engine, skopeo),
        recorder,
        batch,
        source,
        options,
        front_end,
    )
    .await?;
    Ok(Ok(board))
}

async fn start(
    journal: &Journal,
    list: &ListSource,
    settings: &RunSettings,
) -> anyhow::Result<Recorder> {
    let batch = NewBatch {
        list_path: list.path.clone(),
        list_text: list.text.clone(),
        settings: serde_json::to_string(settings)?,
    };
    Ok(journal.start(&batch).await?)
}

//! From a list to a finished batch, and what follows it.
//!
//! Invariant: nothing is written before everything that can be wrong was checked, nothing is copied before the batch is in
//! the journal, and no tag is deleted before every image was copied.

use std::sync::Arc;

use super::{
    credentials_file::CredentialsFileArguments,
    engines,
    exit::Exit,
    front_end::{FrontEnd, Prepared},
    journal_arguments::JournalArguments,
    list_images,
    list_source::{ListSource, TrustArguments},
    migration::{self, Migrated, notes},
    output::shown,
    policy_arguments::PolicyArguments,
    pruning::{Consent, Pruning},
    registry_settings,
    rollback_arguments::RollbackOption,
    run_settings::{PaceArguments, PaceOptions, RunSettings},
    running_metrics::RunningMetrics,
};
use crate::{
    batch::{BatchId, BatchResult},
    journal::{Journal, NewBatch, Recorder},
    run::Batch,
    transport::Stores,
};

/// How a list is run, as far as its text does not say it.
pub(super) struct RunRequest {
    pub(super) trust: TrustArguments,
    pub(super) credentials: CredentialsFileArguments,
    pub(super) pace: PaceArguments,
    pub(super) policy: PolicyArguments,
    pub(super) rollback: RollbackOption,
}

/// A list that ran to the end of its batch.
pub(super) struct Ran {
    pub(super) batch: BatchId,
    pub(super) migrated: Migrated,
    stores: Arc<Stores>,
    pruning: Option<Pruning>,
}

/// What is known of the front end after it ended.
#[derive(Clone, Copy)]
pub(super) struct FrontEndOutput {
    front_end: FrontEnd,
    review: bool,
}

impl FrontEndOutput {
    pub(super) fn of(prepared: &Prepared) -> Self {
        Self {
            front_end: prepared.front_end,
            review: prepared.review,
        }
    }
}

impl Ran {
    /// Deletes stale tags if the list says so. How the run ended, with that.
    pub(super) async fn prune(
        &self,
        yes: bool,
        FrontEndOutput { front_end, review }: FrontEndOutput,
    ) -> anyhow::Result<BatchResult> {
        let result = BatchResult::of(&self.migrated.board);
        let Some(pruning) = &self.pruning else {
            return Ok(result);
        };
        let consent = match (result, yes) {
            _ if review && front_end != FrontEnd::Screen => Consent::DryRun,
            (BatchResult::AllGood, true) => Consent::Given,
            (BatchResult::AllGood, false) => Consent::WithinLimit,
            (BatchResult::SomeFailed | BatchResult::Stopped, _) => {
                pruning.leave();
                return Ok(result);
            }
        };
        let operations = self
            .migrated
            .metrics
            .as_ref()
            .map(RunningMetrics::operations);
        let is_json = front_end == FrontEnd::Json;
        let pruned = pruning.carry_out(&self.stores, consent, is_json, operations.as_ref());
        Ok(match pruned.await? {
            true => result,
            false => BatchResult::SomeFailed,
        })
    }
}

/// Runs a list to the end of its batch; an exit code if the list cannot be run.
pub(super) async fn run_list(
    source: ListSource,
    request: RunRequest,
    arguments: &JournalArguments,
    front_end: Prepared,
) -> anyhow::Result<Result<Ran, Exit>> {
    let journal = arguments.journal()?;
    let list = match source.parse(request.trust) {
        Ok(list) => list,
        Err(exit) => return Ok(Err(exit)),
    };
    let credentials = request.credentials.absolute()?;
    let places = credentials.places();
    let rules = request.policy.absolute()?;
    let policy = match rules.read()? {
        Ok(policy) => policy,
        Err(exit) => return Ok(Err(exit)),
    };
    let engine = registry_settings::engine(&list, &places)?;
    let engine = Arc::new(engine.obeying(policy));
    let mut jobs = match list_images::expand(&list, engine.stores()).await? {
        Ok(jobs) => jobs,
        Err(exit) => return Ok(Err(exit)),
    };
    let pace = PaceOptions::from(request.pace);
    let options = pace.options(&list);
    let mut notes = notes(&list, &front_end);
    let skopeo = engines::choose(&list, &places, &mut jobs, &mut notes)?;
    rules.check(&jobs)?;
    let rollback = request.rollback;
    rollback.check(&jobs, &mut notes)?;
    let pruning = Pruning::of(&list, &jobs);
    // A long list is large, and the jobs have everything.
    drop(list);
    let journal = journal.make().await?;
    let settings = RunSettings::new(
        pace,
        &source.directories,
        credentials.path(),
        rollback.path(),
    )
    .with_policy(rules.policy_path(), rules.registries_path());
    let recorder = start(&journal, &source, &settings).await?;
    let id = recorder.batch().clone();
    rollback.start(&engine, &id, false)?;
    let spool = arguments.spool(&id)?;
    engine.stores().spool().use_directory(spool);
    let batch = Batch {
        list: shown(&source.path),
        jobs,
        restored: None,
        staged: Vec::new(),
        notes,
    };
    let stores = Arc::clone(engine.stores());
    let migrated = migration::migrate(
        (engine, skopeo),
        recorder,
        batch,
        source,
        options,
        front_end,
    )
    .await?;
    Ok(Ok(Ran {
        batch: id,
        migrated,
        stores,
        pruning,
    }))
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

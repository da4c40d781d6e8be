//! `transship resume`: from a stored batch to a finished one.
//!
//! Decides what is restored from the journal and what the registries are asked again. Invariant: the batch is not locked before its
//! list was checked.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::Context as _;
use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::{
    completed_values,
    credentials_file::CredentialsFileArguments,
    engines,
    exit::Exit,
    front_end::{OutputArguments, prepare},
    journal_arguments::JournalArguments,
    list_images,
    list_source::{ListSource, TrustArguments},
    metrics_arguments::MetricsArguments,
    migration::{self, notes},
    output::shown,
    policy_arguments::PolicyArguments,
    registry_settings,
    rollback_arguments::RollbackFileArguments,
    run_settings::{PaceArguments, PaceOptions, RunSettings},
};
use crate::{
    batch::{BatchResult, Job, JobId, Outcome},
    copy::Engine,
    journal::Stored,
    oci::Digest,
    run::Batch,
};

#[derive(Args)]
pub(super) struct ResumeArguments {
    /// The name of the batch, or a unique part of it [default: the newest batch].
    #[arg(add = ArgValueCandidates::new(completed_values::batches))]
    pub(super) batch: Option<String>,
    /// Retry the failed images too.
    #[arg(long)]
    pub(super) retry_failed: bool,
    #[command(flatten)]
    pub(super) trust: TrustArguments,
    #[command(flatten)]
    pub(super) credentials: CredentialsFileArguments,
    #[command(flatten)]
    pub(super) policy: PolicyArguments,
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

pub(super) async fn resume(arguments: ResumeArguments) -> anyhow::Result<Exit> {
    let journal = arguments.journal.journal()?;
    let front_end = prepare(&arguments.output, arguments.journal.commands()?)?;
    let front_end = front_end.with_metrics(arguments.metrics.prepare()?);
    let journal = journal.existing().await?;
    let journal = journal.context("there is no journal, so no batch to resume")?;
    let id = match &arguments.batch {
        Some(name) => arguments.journal.find(&journal, name).await?,
        None => {
            let newest = journal.batches().await?.into_iter().next();
            newest.context("the journal has no batch to resume")?.id
        }
    };
    let stored = journal.load_list(&id).await?;
    let source = ListSource::of(&stored);
    let list = match source.parse(arguments.trust) {
        Ok(list) => list,
        Err(exit) => return Ok(exit),
    };
    let settings = RunSettings::read(&stored.settings);
    let rules = arguments.policy.or_stored(settings.policy());
    let policy = match rules.read()? {
        Ok(policy) => policy,
        Err(exit) => return Ok(exit),
    };
    let pace = PaceOptions::from(arguments.pace).or(settings.pace);
    let rollback = (arguments.rollback).of_resumed(settings.rollback_file)?;
    let places = (arguments.credentials)
        .or_stored(settings.authfile)
        .places();
    let engine = registry_settings::engine(&list, &places)?;
    let engine = Arc::new(engine.obeying(policy));
    let (recorder, stored) = journal.resume(&id).await?;
    let spool = arguments.journal.spool(&id)?;
    engine.stores().spool().use_directory(spool);
    remember(&engine, &stored)?;
    let destinations = stored.jobs.iter().map(|job| &job.job.spec.destination);
    let reopened = engine.stores().reopen(destinations).await;
    reopened.map_err(|error| anyhow::anyhow!("the destination {error}"))?;
    let staged = staged(&stored);
    let (mut jobs, restored) = if stored.jobs.is_empty() {
        // The batch ended before its images were known.
        match list_images::expand(&list, engine.stores()).await? {
            Ok(jobs) => (jobs, Vec::new()),
            Err(exit) => return Ok(exit),
        }
    } else {
        restore(stored, arguments.retry_failed)
    };
    let options = pace.options(&list);
    let mut notes = notes(&list, &front_end);
    let skopeo = engines::choose(&list, &places, &mut jobs, &mut notes)?;
    drop(list);
    rules.check(&jobs)?;
    rollback.check(&jobs, &mut notes)?;
    rollback.start(&engine, recorder.batch(), true)?;
    let batch = Batch {
        list: shown(&source.path),
        jobs,
        restored: Some(restored),
        staged,
        notes,
    };
    let migrated = migration::migrate(
        (engine, skopeo),
        recorder,
        batch,
        source,
        options,
        front_end,
    )
    .await?;
    Ok(BatchResult::of(&migrated.finish().await).into())
}

/// Passes to the engine what earlier runs settled, and in which repositories they may have left more.
fn remember(engine: &Engine, stored: &Stored) -> anyhow::Result<()> {
    let touched: BTreeSet<_> = stored
        .jobs
        .iter()
        .filter_map(|job| job.job.spec.destination.reference())
        .map(|reference| (&reference.registry, &reference.repository))
        .collect();
    for (registry, repository) in touched {
        engine.mark_used(registry, repository)?;
    }
    for blob in &stored.settled {
        engine.remember(&blob.registry, &blob.repository, &blob.digest);
    }
    Ok(())
}

/// The images that an earlier run left without their tags.
fn staged(stored: &Stored) -> Vec<(JobId, Digest)> {
    let jobs = stored.jobs.iter();
    jobs.filter_map(|job| Some((job.job.id, job.staged.clone()?)))
        .collect()
}

fn restore(stored: Stored, retry_failed: bool) -> (Vec<Job>, Vec<(JobId, Outcome)>) {
    let mut restored = Vec::new();
    let mut jobs = Vec::with_capacity(stored.jobs.len());
    for job in stored.jobs {
        let again = retry_failed && matches!(job.outcome, Some(Outcome::Failed { .. }));
        if let Some(outcome) = job.outcome.filter(|_| !again) {
            restored.push((job.job.id, outcome));
        }
        jobs.push(job.job);
    }
    (jobs, restored)
}

//! `transship run`: a list, once or again and again.
//!
//! Decides whether a batch begins, or one that was interrupted goes on.

use super::{
    exit::Exit,
    front_end::{Prepared, prepare},
    list_input,
    list_run::{FrontEndOutput, run_list},
    list_source::ListSource,
    resume,
    run_arguments::RunArguments,
    unfinished_batch, watch,
};
use crate::batch::BatchId;

pub(super) async fn run(arguments: RunArguments) -> anyhow::Result<Exit> {
    if let Some(interval) = arguments.watch {
        return watch::watch(&arguments, interval).await;
    }
    let front_end = prepare(&arguments.output, arguments.journal.commands()?)?;
    let source = list_input::read(&arguments.list, arguments.to.as_ref())?;
    if let Some(batch) =
        unfinished_batch::to_resume(&arguments.journal, &source, &front_end).await?
    {
        return resume::resume(resuming(arguments, batch)).await;
    }
    let front_end = front_end.with_metrics(arguments.metrics.prepare()?);
    run_prepared(&arguments, source, front_end).await
}

pub(super) async fn run_prepared(
    arguments: &RunArguments,
    source: ListSource,
    front_end: Prepared,
) -> anyhow::Result<Exit> {
    let output = FrontEndOutput::of(&front_end);
    let (request, journal) = (arguments.request()?, &arguments.journal);
    let ran = match run_list(source, request, journal, front_end).await? {
        Ok(ran) => ran,
        Err(exit) => return Ok(exit),
    };
    let result = ran.prune(arguments.yes, output).await?;
    ran.migrated.finish().await;
    Ok(result.into())
}

/// The arguments that continue `batch` instead.
fn resuming(arguments: RunArguments, batch: BatchId) -> resume::ResumeArguments {
    resume::ResumeArguments {
        batch: Some(batch.to_string()),
        retry_failed: false,
        trust: arguments.trust,
        credentials: arguments.credentials,
        journal: arguments.journal,
        policy: arguments.policy,
        pace: arguments.pace,
        rollback: arguments.rollback,
        metrics: arguments.metrics,
        output: arguments.output,
    }
}

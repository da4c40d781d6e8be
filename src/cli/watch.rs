//! `transship run LIST --watch TIME`: runs a list again and again.
//!
//! Decides when a round begins, and what an error of one means for the next. Invariant: each round reads the list again;
//! a round in which nothing was copied leaves no batch in the journal.

use std::time::Duration;

use anyhow::bail;
use jiff::{SignedDuration, Timestamp, Unit};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, sleep_until},
};

use super::{
    error_sentence::sentence,
    exit::Exit,
    front_end::{FrontEnd, Prepared, prepare, prepare_as},
    list_input,
    list_run::{FrontEndOutput, Ran, run_list},
    output::tell,
    run_arguments::RunArguments,
    running_metrics::RunningMetrics,
    signals,
};
use crate::{
    batch::{BatchId, BatchResult, Board},
    run::Signal,
};

/// How a round ended, and its metrics, which can be read until the next one begins.
struct Round {
    exit: Exit,
    metrics: Option<RunningMetrics>,
}

/// Runs the list until a signal ends it. The exit code is that of the last round.
pub(super) async fn watch(arguments: &RunArguments, interval: Duration) -> anyhow::Result<Exit> {
    if arguments.list.as_os_str() == "-" {
        bail!("--watch reads the list again for each round, so it needs a file");
    }
    let mut signals = signals::listen()?;
    let mut next = Instant::now() + interval;
    let mut last = round(arguments).await?;
    if last.exit == Exit::Usage {
        return Ok(last.exit);
    }
    loop {
        if is_signalled(&mut signals, next).await {
            last.end_metrics().await;
            return Ok(last.exit);
        }
        last.end_metrics().await;
        next = Instant::now() + interval;
        last = match round(arguments).await {
            Ok(round) => round,
            Err(error) => {
                tell(format_args!("transship: {}", sentence(&error)));
                Round {
                    exit: Exit::Run(BatchResult::SomeFailed),
                    metrics: None,
                }
            }
        };
    }
}

impl Round {
    async fn end_metrics(&mut self) {
        if let Some(metrics) = self.metrics.take() {
            metrics.finish().await;
        }
    }
}

/// Waits for the next round. Whether a signal came, now or in the round before.
async fn is_signalled(signals: &mut UnboundedReceiver<Signal>, next: Instant) -> bool {
    if signals.try_recv().is_ok() {
        return true;
    }
    let left = next.saturating_duration_since(Instant::now());
    if let Ok(left) = SignedDuration::try_from(left) {
        let at = (Timestamp::now() + left).round(Unit::Second);
        tell(format_args!(
            "the next round begins at {}",
            at.unwrap_or_else(|_| Timestamp::now())
        ));
    }
    tokio::select! {
        () = sleep_until(next) => false,
        _ = signals.recv() => true,
    }
}

/// Runs the list once.
async fn round(arguments: &RunArguments) -> anyhow::Result<Round> {
    let commands = arguments.journal.commands()?;
    let prepared = match prepare(&arguments.output, commands.clone())? {
        Prepared {
            front_end: FrontEnd::Screen,
            ..
        } => prepare_as(FrontEnd::Lines, commands)?,
        other => other,
    };
    let prepared = prepared.with_metrics(arguments.metrics.prepare()?);
    let output = FrontEndOutput::of(&prepared);
    let source = list_input::read(&arguments.list, arguments.to.as_ref())?;
    let (request, journal) = (arguments.request()?, &arguments.journal);
    let ran = match run_list(source, request, journal, prepared).await? {
        Ok(ran) => ran,
        Err(exit) => {
            return Ok(Round {
                exit,
                metrics: None,
            });
        }
    };
    let result = ran.prune(arguments.yes, output).await?;
    let Ran {
        batch, migrated, ..
    } = ran;
    if is_idle(&migrated.board) {
        forget(arguments, &batch).await;
    }
    Ok(Round {
        exit: result.into(),
        metrics: migrated.metrics,
    })
}

/// Whether every image was there already.
fn is_idle(board: &Board) -> bool {
    board.counts().up_to_date == board.jobs().len()
        && BatchResult::of(board) == BatchResult::AllGood
}

/// Deletes a batch in which nothing happened. If that fails, it stays until `batches delete`.
async fn forget(arguments: &RunArguments, batch: &BatchId) {
    if let Ok(journal) = arguments.journal.journal()
        && let Ok(Some(journal)) = journal.existing().await
    {
        let _ = journal.delete(batch).await;
    }
}

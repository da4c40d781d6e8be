//! `transship plan`: what copying a list would do.
//!
//! Decides how the plan is made without a batch: in a journal that is removed again. Invariant: nothing is written to a
//! registry, a store or the journal of this user.

use std::{io::Write as _, path::PathBuf, sync::Arc};

use anyhow::{Context as _, bail};
use bytesize::ByteSize;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{
    completed_values,
    credentials_file::CredentialsFileArguments,
    earlier_speed, engines,
    exit::Exit,
    journal_arguments::JournalArguments,
    list_images, list_input,
    list_source::TrustArguments,
    output::{self, print, shown, tell},
    plan_destinations::PlanDestinations,
    pruning::Pruning,
    registry_settings,
    run_settings::{PaceArguments, PaceOptions},
    signals,
};
use crate::{
    batch::{BatchResult, Board, StopReason, TimedEvent},
    convert::ListDestination,
    journal::{Journal, JournalLocation, NewBatch},
    present::{PlanReport, PlanSpeed, plan_markdown, plan_text, sanitize},
    run::{Batch, Dispatcher, Inputs, Observer, Options, Review},
};

/// A line on stderr says how far the plan is after so many calls of `tick`, which come once a second.
const TICKS_PER_LINE: u32 = 10;

#[derive(Args)]
pub(super) struct PlanArguments {
    /// The TOML list of images, or - for standard input, which may also have plain references.
    #[arg(add = ArgValueCompleter::new(completed_values::lists))]
    list: PathBuf,
    /// Where references from standard input go.
    #[arg(long, value_name = "REGISTRY[/PREFIX]")]
    to: Option<ListDestination>,
    /// Print one JSON document (schema: assets/plan.md).
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print Markdown, for a ticket.
    #[arg(long)]
    markdown: bool,
    /// Bytes a second to estimate the time with, such as 50MB [default: the speed of the last batch between the same
    /// registries].
    #[arg(long, value_name = "BYTES", value_parser = speed)]
    speed: Option<u64>,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    credentials: CredentialsFileArguments,
    #[command(flatten)]
    journal: JournalArguments,
    #[command(flatten)]
    pace: PaceArguments,
}

/// Bytes a second: `50MB`, `50MB/s`, `48MiB`.
fn speed(text: &str) -> anyhow::Result<u64> {
    let amount = text.trim().trim_end_matches("/s");
    let parsed: Result<ByteSize, _> = amount.parse();
    match parsed {
        Ok(ByteSize(speed)) if speed > 0 => Ok(speed),
        Ok(_) => bail!("a speed is more than 0"),
        Err(_) => bail!("{text:?} is no number of bytes, such as 50MB"),
    }
}

pub(super) async fn plan(arguments: PlanArguments) -> anyhow::Result<Exit> {
    let source = list_input::read(&arguments.list, arguments.to.as_ref())?;
    let list = match source.parse(arguments.trust) {
        Ok(list) => list,
        Err(exit) => return Ok(exit),
    };
    let places = arguments.credentials.places();
    let engine = Arc::new(registry_settings::engine(&list, &places)?);
    let mut jobs = match list_images::expand(&list, engine.stores()).await? {
        Ok(jobs) => jobs,
        Err(exit) => return Ok(exit),
    };
    let options = Options {
        review: Review::Only,
        ..PaceOptions::from(arguments.pace).options(&list)
    };
    let mut notes = Vec::new();
    let skopeo = engines::choose(&list, &places, &mut jobs, &mut notes)?;
    for (_, text) in notes.iter().filter(|(job, _)| job.is_none()) {
        tell(format_args!("transship: {}", sanitize(text)));
    }
    let pruning = Pruning::of(&list, &jobs);
    let speed = match arguments.speed {
        Some(bytes_per_second) => Some(PlanSpeed {
            bytes_per_second,
            batch: None,
        }),
        None => earlier_speed::find(&arguments.journal, &jobs).await?,
    };
    drop(list);
    // The dispatcher records what it learns, and layers are compressed to know their digests.
    let scratch = tempfile::tempdir().context("cannot make a temporary directory")?;
    let mut destinations = PlanDestinations::new(scratch.path());
    destinations.replace(&mut jobs);
    let spool = scratch.path().join("layers");
    engine.stores().spool().use_directory(spool);
    let location = JournalLocation::directory(scratch.path().join("journal"))?;
    let recorder = Journal::open(location).await?;
    let recorder = recorder
        .start(&NewBatch {
            list_path: source.path.clone(),
            list_text: String::new(),
            settings: String::new(),
        })
        .await?;
    let batch = Batch {
        list: shown(&source.path),
        jobs,
        restored: None,
        staged: Vec::new(),
        notes,
    };
    // Nobody sends a command; the sender stays until the end.
    let (_commands, commands) = mpsc::unbounded_channel();
    let inputs = Inputs {
        commands,
        signals: signals::listen()?,
    };
    let observers: Vec<Box<dyn Observer>> = vec![Box::new(Headway { ticks: 0 })];
    let dispatcher = Dispatcher::new(Arc::clone(&engine), recorder, observers, options);
    let dispatcher = dispatcher.with_skopeo(skopeo.map(Arc::new));
    let (board, recorded) = dispatcher.run(batch, inputs).await;
    if let Err(error) = recorded
        && !board.all_done()
        && board.planned() == 0
    {
        bail!("failed to {}", error.chain());
    }
    let list = shown(&source.path);
    let mut report = PlanReport::of(&list, &board, &engine.registries(), speed);
    destinations.restore(&mut report);
    if let Some(pruning) = pruning {
        report.prune = Some(pruning.planned(engine.stores()).await?);
    }
    let text = match (arguments.json, arguments.markdown) {
        (true, _) => output::pretty_json(&report)? + "\n",
        (false, true) => plan_markdown(&report),
        (false, false) => plan_text(&report),
    };
    print(|output| output.write_all(text.as_bytes()))?;
    Ok(exit(&board))
}

/// Whether the plan is complete.
fn exit(board: &Board) -> Exit {
    match board.stopped_by {
        None | Some(StopReason::Reviewed) if board.counts().failed == 0 => Exit::Good,
        None | Some(StopReason::Reviewed) => Exit::Run(BatchResult::SomeFailed),
        Some(
            StopReason::User
            | StopReason::Signal
            | StopReason::JournalLost
            | StopReason::Unfinished,
        ) => Exit::Run(BatchResult::Stopped),
    }
}

/// Says now and then how far the plan is.
struct Headway {
    ticks: u32,
}

impl Observer for Headway {
    fn apply(&mut self, _: &Arc<TimedEvent>, _: &Board) {}

    fn tick(&mut self, _: Timestamp, board: &Board) {
        self.ticks += 1;
        let (left, all) = (board.without_preflight(), board.jobs().len());
        if self.ticks.is_multiple_of(TICKS_PER_LINE) && left > 0 {
            let done = all.saturating_sub(left);
            tell(format_args!("transship: {done} of {all} images planned"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_bytes_a_second_in_any_unit() {
        let parsed = ["50MB", "50MB/s", "1MiB", "7"].map(|text| speed(text).ok());
        assert_eq!(parsed, [50_000_000, 50_000_000, 1 << 20, 7].map(Some));
        for wrong in ["", "0", "fast", "-1MB"] {
            assert!(speed(wrong).is_err(), "{wrong}");
        }
    }
}

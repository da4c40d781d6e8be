//! Runs a batch with its front end.
//!
//! Decides which front end gets which observers, and what is printed at the end. Invariant: the batch goes on, or stops
//! resumably, when its front end fails.

use std::{
    io::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::{
    sync::mpsc::{self, UnboundedSender},
    task::{JoinError, JoinHandle},
};

use super::{
    browse,
    front_end::{FrontEnd, Lines, Prepared, drain_output},
    list_source::ListSource,
    output::{stdout, tell},
    partial_list,
    running_metrics::RunningMetrics,
    signals,
};
use crate::{
    batch::{BatchResult, Board, Command, JobId, StopMode},
    copy::Engine,
    headless::Format,
    inspect::Inspector,
    journal::{JournalError, Recorder},
    list::{Action, List},
    metrics::Operations,
    present::{self, Commands},
    run::{Batch, Dispatcher, Inputs, Observer, Options, Review, SkopeoEngine},
    tui,
};

/// After this time without a screen, a line says what is waited for.
const SILENCE: Duration = Duration::from_secs(3);

/// What the list runs, reads and sends, for an operator who asked to see the plan first.
pub(super) fn notes(list: &List, front_end: &Prepared) -> Vec<(Option<JobId>, String)> {
    let actions = if front_end.review {
        list.actions()
    } else {
        Vec::new()
    };
    let to_note = |action: &Action| (None, format!("the list {action}"));
    actions.iter().map(to_note).collect()
}

/// A batch that is not started yet.
struct Run {
    engine: Arc<Engine>,
    skopeo: Option<Arc<SkopeoEngine>>,
    recorder: Recorder,
    batch: Batch,
    metrics: Option<Box<dyn Observer>>,
    /// Counts what the browser reads.
    operations: Option<Operations>,
    inputs: Inputs,
    options: Options,
}

/// The last board, and whether the journal kept up to the end.
type Ended = (Board, Result<(), JournalError>);

impl Run {
    async fn watched_by(self, front_end: Vec<Box<dyn Observer>>) -> Ended {
        // First, so that what is shown has been counted.
        let observers = self.metrics.into_iter().chain(front_end).collect();
        let dispatcher = Dispatcher::new(self.engine, self.recorder, observers, self.options);
        let dispatcher = dispatcher.with_skopeo(self.skopeo);
        dispatcher.run(self.batch, self.inputs).await
    }
}

/// A batch that ran, and its metrics, which can still be read.
pub(super) struct Migrated {
    pub board: Board,
    pub metrics: Option<RunningMetrics>,
}

impl Migrated {
    /// Ends the metrics.
    pub(super) async fn finish(self) -> Board {
        if let Some(metrics) = self.metrics {
            metrics.finish().await;
        }
        self.board
    }
}

/// Runs the batch with its front end and prints the summary.
pub(super) async fn migrate(
    (engine, skopeo): (Arc<Engine>, Option<SkopeoEngine>),
    recorder: Recorder,
    batch: Batch,
    whole: ListSource,
    options: Options,
    prepared: Prepared,
) -> anyhow::Result<Migrated> {
    let Prepared {
        front_end,
        detail,
        screen,
        review,
        commands: next,
        metrics,
    } = prepared;
    let metrics = metrics.start(engine.stores())?;
    let stores = Arc::clone(engine.stores());
    let (send_command, commands) = mpsc::unbounded_channel();
    let attempts = Some(options.policy.attempts);
    let review = match (review, front_end) {
        (false, _) => Review::None,
        (true, FrontEnd::Screen) => Review::First,
        (
            true,
            FrontEnd::Inline | FrontEnd::Lines | FrontEnd::Plain | FrontEnd::Json | FrontEnd::Quiet,
        ) => Review::Only,
    };
    let run = Run {
        engine,
        skopeo: skopeo.map(Arc::new),
        recorder,
        batch,
        metrics: metrics.as_ref().map(RunningMetrics::observer),
        operations: metrics.as_ref().map(RunningMetrics::operations),
        inputs: Inputs {
            commands,
            signals: signals::listen()?,
        },
        options: Options {
            review,
            stay: front_end == FrontEnd::Screen,
            ..options
        },
    };
    let screen = screen.map(|screen| tui::Options {
        attempts,
        commands: next.clone(),
        ..screen
    });
    let (board, closed) = match front_end {
        FrontEnd::Screen => {
            let screen = screen.context("the screen was not prepared")?;
            on_screen(run, screen, send_command, whole, &next).await?
        }
        FrontEnd::Inline => {
            let options = screen.context("the terminal was not prepared")?;
            inline(run, options, &next).await?
        }
        FrontEnd::Lines | FrontEnd::Plain | FrontEnd::Json => {
            let format = match front_end {
                FrontEnd::Plain => Format::Plain,
                FrontEnd::Json => Format::Json,
                FrontEnd::Screen | FrontEnd::Inline | FrontEnd::Lines | FrontEnd::Quiet => {
                    Format::Text
                }
            };
            let signals = signals::listen()?;
            let (lines, written) = Lines::new(stdout(), format, attempts, detail, next.clone());
            let ended = run.watched_by(vec![Box::new(lines)]).await;
            drain_output(written, signals).await;
            ended
        }
        FrontEnd::Quiet => {
            let began = Instant::now();
            let ended = run.watched_by(Vec::new()).await;
            if BatchResult::of(&ended.0) != BatchResult::AllGood {
                let summary = present::summary(&ended.0, began.elapsed(), &next);
                tell(summary.trim_end());
            }
            ended
        }
    };
    if let Err(error) = closed {
        // The outcome of the images is known all the same.
        tell(format_args!(
            "transship: the journal could not be written; resuming asks the registries again: failed to {}",
            error.chain()
        ));
    }
    if BatchResult::of(&board) == BatchResult::AllGood {
        // Nobody resumes it. What cannot be removed now goes with the batch.
        let _ = stores.spool().clear();
    }
    Ok(Migrated { board, metrics })
}

/// Runs a batch on the screen, until it is finished and the operator leaves.
async fn on_screen(
    run: Run,
    screen: tui::Options,
    commands: UnboundedSender<Command>,
    whole: ListSource,
    next: &Commands,
) -> anyhow::Result<Ended> {
    let began = Instant::now();
    let mut elapsed = None;
    let (events, feed) = mpsc::unbounded_channel();
    let inspector = Inspector::new(Arc::clone(run.engine.stores()));
    let operations = run.operations.clone();
    let running = tokio::spawn(run.watched_by(vec![Box::new(events)]));
    let feed = tui::BatchHandle {
        events: feed,
        commands: commands.clone(),
        loader: browse::loader(Arc::new(inspector), operations),
        write_list: Box::new(move |jobs| {
            partial_list::write(&whole, jobs).map_err(|error| format!("{error:#}"))
        }),
    };
    match tui::run(feed, screen).await {
        Ok(ended) => elapsed = Some(ended.elapsed),
        Err(error) => {
            // Nobody can steer without a screen: stop, so that the batch can be resumed with one.
            let mode = StopMode::Now;
            let _ = commands.send(Command::Stop { mode });
            // The terminal may be gone, and with it stderr.
            tell(format_args!("transship: the terminal failed: {error}"));
        }
    }
    let ended = finished(running).await?;
    // Printing may fail because the terminal is gone; the journal has it all.
    let elapsed = elapsed.unwrap_or_else(|| began.elapsed());
    let _ = write!(stdout(), "{}", present::summary(&ended.0, elapsed, next));
    Ok(ended)
}

/// Runs a batch with a few lines in place. They show no results that the summary has to repeat, unless something failed.
async fn inline(run: Run, options: tui::Options, next: &Commands) -> anyhow::Result<Ended> {
    let began = Instant::now();
    let (events, feed) = mpsc::unbounded_channel();
    let running = tokio::spawn(run.watched_by(vec![Box::new(events)]));
    let shown = tui::run_inline(feed, options).await;
    if let Err(error) = &shown {
        tell(format_args!(
            "transship: the terminal failed: {error}; the copying continues"
        ));
    }
    let ended = finished(running).await?;
    if shown.is_err() || BatchResult::of(&ended.0) != BatchResult::AllGood {
        let summary = present::summary(&ended.0, began.elapsed(), next);
        let _ = write!(stdout(), "{summary}");
    }
    Ok(ended)
}

/// Waits for a batch whose screen is closed.
async fn finished<T>(mut running: JoinHandle<T>) -> Result<T, JoinError> {
    tokio::select! {
        ended = &mut running => return ended,
        () = tokio::time::sleep(SILENCE) => {}
    }
    tell(
        "transship: waiting until the last results are in the journal; ctrl-c leaves without them",
    );
    running.await
}

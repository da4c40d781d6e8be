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
    sync::mpsc,
    task::{JoinError, JoinHandle},
};

use super::{
    browse,
    exit::Exit,
    front_end::{FrontEnd, Lines, OutputArguments, Prepared, drain_output},
    list_source::ListSource,
    output::{stdout, tell},
    partial_list, signals,
};
use crate::{
    batch::{BatchResult, Command, StopMode},
    copy::Engine,
    headless::Format,
    inspect::Inspector,
    journal::Recorder,
    list::{Action, List},
    present,
    run::{Batch, Dispatcher, Inputs, Observer, Options, Review},
    tui,
};

/// After this time without a screen, a line says what is waited for.
const SILENCE: Duration = Duration::from_secs(3);

/// What the list runs, reads and sends, for an operator who asked to see the plan first.
pub(super) fn notes(list: &List, output: &OutputArguments) -> Vec<String> {
    let actions = if output.review {
        list.actions()
    } else {
        Vec::new()
    };
    let to_note = |action: &Action| format!("the list {action}");
    actions.iter().map(to_note).collect()
}

/// Runs the batch with its front end and prints the summary.
pub(super) async fn migrate(
    engine: Arc<Engine>,
    recorder: Recorder,
    batch: Batch,
    whole: ListSource,
    options: Options,
    prepared: Prepared,
) -> anyhow::Result<Exit> {
    let Prepared {
        front_end,
        screen,
        output,
        commands: next,
    } = prepared;
    let began = Instant::now();
    let mut elapsed = None;
    let (send_command, commands) = mpsc::unbounded_channel();
    let inputs = Inputs {
        commands,
        signals: signals::listen()?,
    };
    let attempts = Some(options.policy.attempts);
    let review = match (output.review, front_end) {
        (false, _) => Review::None,
        (true, FrontEnd::Screen) => Review::First,
        (true, FrontEnd::Lines | FrontEnd::Json) => Review::Only,
    };
    let options = Options { review, ..options };
    let mut observers: Vec<Box<dyn Observer>> = Vec::new();
    let (board, closed) = match front_end {
        FrontEnd::Screen => {
            let (events, feed) = mpsc::unbounded_channel();
            observers.push(Box::new(events));
            let options = Options {
                stay: true,
                ..options
            };
            let inspector = Inspector::new(Arc::clone(engine.stores()));
            let screen = tui::Options {
                attempts,
                commands: next.clone(),
                ..screen.context("the screen was not prepared")?
            };
            let dispatcher = Dispatcher::new(engine, recorder, observers, options);
            let running = tokio::spawn(dispatcher.run(batch, inputs));
            let feed = tui::BatchHandle {
                events: feed,
                commands: send_command.clone(),
                loader: browse::loader(Arc::new(inspector)),
                write_list: Box::new(move |jobs| {
                    partial_list::write(&whole, jobs).map_err(|error| format!("{error:#}"))
                }),
            };
            match tui::run(feed, screen).await {
                Ok(ended) => elapsed = Some(ended.elapsed),
                Err(error) => {
                    // Nobody can steer without a screen: stop, so that the batch can be resumed with one.
                    let mode = StopMode::Now;
                    let _ = send_command.send(Command::Stop { mode });
                    // The terminal may be gone, and with it stderr.
                    tell(format_args!("transship: the terminal failed: {error}"));
                }
            }
            finished(running).await?
        }
        FrontEnd::Lines | FrontEnd::Json => {
            let format = if front_end == FrontEnd::Json {
                Format::Json
            } else {
                Format::Text
            };
            let signals = signals::listen()?;
            let (lines, written) = Lines::new(stdout(), format, attempts, next.clone());
            observers.push(Box::new(lines));
            let ended = Dispatcher::new(engine, recorder, observers, options)
                .run(batch, inputs)
                .await;
            drain_output(written, signals).await;
            ended
        }
    };
    if front_end == FrontEnd::Screen {
        // Printing may fail because the terminal is gone; the journal has it all.
        let elapsed = elapsed.unwrap_or_else(|| began.elapsed());
        let _ = write!(stdout(), "{}", present::summary(&board, elapsed, &next));
    }
    if let Err(error) = closed {
        // The outcome of the images is known all the same.
        tell(format_args!(
            "transship: the journal could not be written; resuming asks the registries again: failed to {}",
            error.chain()
        ));
    }
    Ok(BatchResult::of(&board).into())
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

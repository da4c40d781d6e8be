//! `transship run` and `transship resume`: from a list or a stored batch to a finished one.
//!
//! Decides what of the journal is taken over and what is asked anew. Invariant: nothing is written before
//! everything that can be wrong was checked, and nothing is copied before the batch is in the journal.

use std::{
    collections::BTreeSet,
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinHandle},
};

use super::{
    Exit, OutputArguments, ResumeArguments, RunArguments, browse,
    front_end::{FrontEnd, Lines, Prepared, give_rest, prepare},
    lists::{self, Source},
    output::{stdout, tell},
    partial_list,
    run_settings::{PaceOptions, RunSettings},
    settings, shown, signals,
};
use crate::{
    batch::{BatchResult, Command, Job, JobId, Outcome, StopMode},
    copy::Engine,
    headless::Format,
    inspect::Inspector,
    journal::{Journal, NewBatch, Recorder, Stored},
    list::{Action, List, TagLists},
    present,
    run::{Batch, Dispatcher, Inputs, Observer, Options, RetryPolicy, Review},
    tui,
};

/// Tag lists fetched at once.
const TAG_READERS: usize = 8;
const DEFAULT_PARALLEL: u16 = 12;
/// Tags of all repositories of a list whose filters have to be answered, some 30 MB.
const MOST_TAGS: usize = 500_000;
/// How long a closed screen may leave nothing to be seen.
const SILENCE: Duration = Duration::from_secs(3);

pub(super) async fn run(arguments: RunArguments) -> anyhow::Result<Exit> {
    let front_end = prepare(arguments.output.clone(), arguments.journal.commands()?)?;
    run_prepared(arguments, front_end).await
}

pub(super) async fn run_prepared(
    arguments: RunArguments,
    front_end: Prepared,
) -> anyhow::Result<Exit> {
    let journal = arguments.journal.journal()?;
    let source = Source::read(&arguments.list)?;
    let list = match source.parse(arguments.trust) {
        Ok(list) => list,
        Err(exit) => return Ok(exit),
    };
    let engine = Arc::new(settings::engine(&list)?);
    let jobs = match expand(&list, &engine).await? {
        Ok(jobs) => jobs,
        Err(exit) => return Ok(exit),
    };
    let pace = PaceOptions::from(arguments.pace);
    let options = pace.options(&list);
    let notes = notes(&list, &front_end.output);
    // A long one is large, and everything of it is in the jobs.
    drop(list);
    let journal = journal.make().await?;
    let recorder = start(&journal, &source, pace).await?;
    let batch = Batch {
        list: shown(&source.path),
        jobs,
        restored: None,
        notes,
    };
    migrate(engine, recorder, batch, source, options, front_end).await
}

pub(super) async fn resume(arguments: ResumeArguments) -> anyhow::Result<Exit> {
    let journal = arguments.journal.journal()?;
    let front_end = prepare(arguments.output, arguments.journal.commands()?)?;
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
    let source = Source::of(&stored);
    let list = match source.parse(arguments.trust) {
        Ok(list) => list,
        Err(exit) => return Ok(exit),
    };
    let before = RunSettings::read(&stored.settings).pace;
    let pace = PaceOptions::from(arguments.pace).or(before);
    let engine = Arc::new(settings::engine(&list)?);
    // Everything was found sound.
    let (recorder, stored) = journal.resume(&id).await?;
    remember(&engine, &stored)?;
    let (jobs, restored) = if stored.jobs.is_empty() {
        // It ended before its images were known.
        match expand(&list, &engine).await? {
            Ok(jobs) => (jobs, Vec::new()),
            Err(exit) => return Ok(exit),
        }
    } else {
        take_over(stored, arguments.retry_failed)
    };
    let options = pace.options(&list);
    let notes = notes(&list, &front_end.output);
    drop(list);
    let batch = Batch {
        list: shown(&source.path),
        jobs,
        restored: Some(restored),
        notes,
    };
    migrate(engine, recorder, batch, source, options, front_end).await
}

async fn start(journal: &Journal, list: &Source, pace: PaceOptions) -> anyhow::Result<Recorder> {
    let batch = NewBatch {
        list_path: list.path.clone(),
        list_text: list.text.clone(),
        settings: serde_json::to_string(&RunSettings::new(pace, &list.directory))?,
    };
    Ok(journal.start(&batch).await?)
}

/// What is worth knowing of a list before anything is copied; for who asked to see the plan first.
fn notes(list: &List, output: &OutputArguments) -> Vec<String> {
    let actions = if output.review {
        list.actions()
    } else {
        Vec::new()
    };
    let note = |action: &Action| format!("the list {action}");
    actions.iter().map(note).collect()
}

/// The jobs of a list, its filters answered by the registries.
pub(super) async fn expand(list: &List, engine: &Engine) -> anyhow::Result<Result<Vec<Job>, Exit>> {
    let room = &AtomicUsize::new(MOST_TAGS);
    let tags: TagLists = stream::iter(list.needs_tags())
        .map(|(registry, repository)| async move {
            let mut tags = Vec::new();
            let mut take = |tag: &str| {
                let left = room.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
                tags.extend(left.is_ok().then(|| tag.to_owned()));
                left.is_ok()
            };
            let listed = async {
                let client = engine.client(&registry)?;
                client.for_each_tag(&repository, &mut take).await
            };
            (listed.await)
                .with_context(|| format!("cannot list the tags of {registry}/{repository}"))?;
            anyhow::Ok(((registry, repository), tags))
        })
        .buffer_unordered(TAG_READERS)
        .try_collect()
        .await?;
    let expansion = match list.expand(&tags) {
        Ok(expansion) => expansion,
        Err(mistakes) => return Ok(Err(lists::report(&mistakes))),
    };
    for warning in &expansion.warnings {
        let warning = warning.to_string();
        tell(format_args!("transship: {}", present::sanitize(&warning)));
    }
    let jobs = (0..)
        .map(JobId)
        .zip(expansion.images)
        .map(|(id, image)| Job {
            id,
            spec: image.spec,
        });
    Ok(Ok(jobs.collect()))
}

/// Tells the engine what earlier runs settled, and where they may have left more than that.
fn remember(engine: &Engine, stored: &Stored) -> anyhow::Result<()> {
    let touched: BTreeSet<_> = stored
        .jobs
        .iter()
        .map(|job| {
            (
                &job.job.spec.destination.registry,
                &job.job.spec.destination.repository,
            )
        })
        .collect();
    for (registry, repository) in touched {
        engine.mark_used(registry, repository)?;
    }
    for blob in &stored.settled {
        engine.remember(&blob.registry, &blob.repository, &blob.digest)?;
    }
    Ok(())
}

fn take_over(stored: Stored, retry_failed: bool) -> (Vec<Job>, Vec<(JobId, Outcome)>) {
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

/// Runs the batch in front of whoever watches, and says how it ended.
pub(super) async fn migrate(
    engine: Arc<Engine>,
    recorder: Recorder,
    batch: Batch,
    whole: Source,
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
    let inlets = Inputs {
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
            let shared = Arc::clone(&engine);
            let inspector = Inspector::new(move |registry| shared.client(registry));
            let screen = tui::Options {
                attempts,
                commands: next.clone(),
                ..screen.context("the screen was not prepared")?
            };
            let dispatcher = Dispatcher::new(engine, recorder, observers, options);
            let running = tokio::spawn(dispatcher.run(batch, inlets));
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
                    // Without a screen nobody steers: stop, so that the batch can be resumed from one.
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
            let leave = signals::listen()?;
            let (lines, written) = Lines::new(stdout(), format, attempts, next.clone());
            observers.push(Box::new(lines));
            let ended = Dispatcher::new(engine, recorder, observers, options)
                .run(batch, inlets)
                .await;
            give_rest(written, leave).await;
            ended
        }
    };
    if front_end == FrontEnd::Screen {
        // Nobody reads it when the terminal is gone; the journal knows all of it.
        let elapsed = elapsed.unwrap_or_else(|| began.elapsed());
        let _ = write!(stdout(), "{}", present::summary(&board, elapsed, &next));
    }
    if let Err(error) = closed {
        // How the images fared is known all the same.
        tell(format_args!(
            "transship: the journal could not be kept; resuming asks the registries again: failed to {}",
            error.chain()
        ));
    }
    Ok(BatchResult::of(&board).into())
}

/// The end of a batch whose screen is closed; says so when the journal is still waited for.
async fn finished<T>(mut running: JoinHandle<T>) -> Result<T, JoinError> {
    tokio::select! {
        ended = &mut running => return ended,
        () = tokio::time::sleep(SILENCE) => {}
    }
    tell("transship: waiting until the last results are recorded; ctrl-c leaves without them");
    running.await
}

impl PaceOptions {
    fn options(self, list: &List) -> Options {
        let default = RetryPolicy::default();
        let attempts = self.attempts.or(list.defaults.attempts.map(Into::into));
        let parallel = self.parallel.or(list.defaults.parallel.map(Into::into));
        Options {
            parallel: parallel.unwrap_or(DEFAULT_PARALLEL),
            policy: RetryPolicy {
                attempts: attempts.unwrap_or(default.attempts),
                ..default
            },
            review: Review::None,
            stay: false,
        }
    }
}

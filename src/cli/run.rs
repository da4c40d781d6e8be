//! `transship run` and `transship resume`: from a list or a stored batch to a finished one.
//!
//! Decides what of the journal is taken over and what is asked anew. Invariant: nothing is copied before the
//! whole list was found free of mistakes and the batch is in the journal.

use std::{
    collections::BTreeSet,
    io::{Write as _, stderr, stdout},
    sync::Arc,
    time::Instant,
};

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{
    Exit, OutputArguments, PaceArguments, ResumeArguments, RunArguments, browse,
    front_end::{FrontEnd, Lines, ToScreen, choose, give_rest},
    lists,
    partial_list::Whole,
    screen, settings, shown, signals,
};
use crate::{
    batch::{Command, Job, JobId, Outcome, StopMode, Verdict},
    copy::Engine,
    headless::Format,
    inspect::Inspector,
    journal::{Journal, NewBatch, Recorder, Stored},
    list::{List, TagLists},
    present,
    run::{Batch, Dispatcher, Inlets, Observer, Options, Policy, Review},
    tui,
};

/// Tag lists fetched at once.
const TAG_READERS: usize = 8;
const DEFAULT_PARALLEL: u16 = 12;

/// What a run was given besides the list; kept with the batch, so that resuming it works as hard.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Pace {
    parallel: Option<u16>,
    attempts: Option<u16>,
}

pub(super) async fn run(arguments: RunArguments) -> anyhow::Result<Exit> {
    let text = lists::read(&arguments.list)?;
    let name = shown(&arguments.list);
    let list = match List::parse(&name, &text) {
        Ok(list) => list,
        Err(mistakes) => return Ok(lists::report(&mistakes)),
    };
    let engine = Arc::new(settings::engine(&list)?);
    let jobs = match expand(&list, &engine).await? {
        Ok(jobs) => jobs,
        Err(exit) => return Ok(exit),
    };
    let pace = Pace::from(arguments.pace);
    let options = pace.options(&list);
    // A long one is large, and everything of it is in the jobs.
    drop(list);
    let journal = arguments.journal.open().await?;
    let recorder = start(&journal, &arguments.list, text.clone(), pace).await?;
    let whole = Whole {
        path: arguments.list,
        text,
    };
    let batch = Batch {
        list: name,
        jobs,
        restored: None,
    };
    migrate(engine, recorder, batch, whole, options, arguments.output).await
}

pub(super) async fn resume(arguments: ResumeArguments) -> anyhow::Result<Exit> {
    let journal = arguments.journal.open().await?;
    let id = match &arguments.batch {
        Some(name) => journal.find(name).await?,
        None => {
            let newest = journal.batches().await?.into_iter().next();
            newest.context("the journal has no batch to resume")?.id
        }
    };
    let (recorder, stored) = journal.resume(&id).await?;
    let name = shown(&stored.list_path);
    let list = match List::parse(&name, &stored.list_text) {
        Ok(list) => list,
        Err(mistakes) => return Ok(lists::report(&mistakes)),
    };
    let whole = Whole {
        path: stored.list_path.clone(),
        text: stored.list_text.clone(),
    };
    let before: Pace = serde_json::from_str(&stored.settings).unwrap_or_default();
    let pace = Pace::from(arguments.pace).or(before);
    let engine = Arc::new(settings::engine(&list)?);
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
    drop(list);
    let batch = Batch {
        list: name,
        jobs,
        restored: Some(restored),
    };
    migrate(engine, recorder, batch, whole, options, arguments.output).await
}

async fn start(
    journal: &Journal,
    list: &std::path::Path,
    text: String,
    pace: Pace,
) -> anyhow::Result<Recorder> {
    let batch = NewBatch {
        list_path: list.to_owned(),
        list_text: text,
        settings: serde_json::to_string(&pace)?,
    };
    Ok(journal.start(&batch).await?)
}

/// The jobs of a list, its filters answered by the registries.
pub(super) async fn expand(list: &List, engine: &Engine) -> anyhow::Result<Result<Vec<Job>, Exit>> {
    let tags: TagLists = stream::iter(list.needs_tags())
        .map(|(registry, repository)| async move {
            let tags = async { engine.client(&registry)?.tags(&repository).await }.await;
            let tags =
                tags.with_context(|| format!("cannot list the tags of {registry}/{repository}"))?;
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
        eprintln!("transship: {}", present::plain(&warning.to_string()));
    }
    let jobs = (0..)
        .map(JobId)
        .zip(expansion.images)
        .map(|(id, image)| Job {
            id,
            source: image.source,
            destination: image.destination,
            platforms: image.platforms.to_vec(),
            attachments: image.attachments,
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
                &job.job.destination.registry,
                &job.job.destination.repository,
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
    whole: Whole,
    options: Options,
    output: OutputArguments,
) -> anyhow::Result<Exit> {
    let began = Instant::now();
    let mut elapsed = None;
    let (send_command, commands) = mpsc::unbounded_channel();
    let inlets = Inlets {
        commands,
        signals: signals::listen()?,
    };
    let front_end = choose(&output);
    let attempts = Some(options.policy.attempts);
    let review = match (output.review, front_end) {
        (false, _) => Review::None,
        (true, FrontEnd::Screen) => Review::First,
        (true, FrontEnd::Lines | FrontEnd::Json) => Review::Only,
    };
    let options = Options { review, ..options };
    let (board, closed) = match front_end {
        FrontEnd::Screen => {
            let (events, feed) = mpsc::unbounded_channel();
            let observers: Vec<Box<dyn Observer>> = vec![Box::new(ToScreen(events))];
            let options = Options {
                stay: true,
                ..options
            };
            let shared = Arc::clone(&engine);
            let inspector = Inspector::new(move |registry| shared.client(registry));
            let screen = screen::options(attempts)?;
            let dispatcher = Dispatcher::new(engine, recorder, observers, options);
            let running = tokio::spawn(dispatcher.run(batch, inlets));
            let feed = tui::Feed {
                events: feed,
                commands: send_command.clone(),
                loader: browse::loader(Arc::new(inspector)),
                write_list: Box::new(move |jobs| {
                    whole.write(jobs).map_err(|error| format!("{error:#}"))
                }),
            };
            match tui::run(feed, screen).await {
                Ok(ended) => elapsed = Some(ended.elapsed),
                Err(error) => {
                    // Without a screen nobody steers: stop, so that the batch can be resumed from one.
                    let mode = StopMode::Now;
                    let _ = send_command.send(Command::Stop { mode });
                    // The terminal may be gone, and with it stderr.
                    let _ = writeln!(stderr(), "transship: the terminal failed: {error}");
                }
            }
            running.await?
        }
        FrontEnd::Lines | FrontEnd::Json => {
            let format = if front_end == FrontEnd::Json {
                Format::Json
            } else {
                Format::Text
            };
            let leave = signals::listen()?;
            let (lines, written) = Lines::new(stdout(), format, attempts);
            let observers: Vec<Box<dyn Observer>> = vec![Box::new(lines)];
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
        let _ = write!(stdout(), "{}", present::summary(&board, elapsed));
    }
    if let Err(error) = closed {
        // How the images fared is known all the same.
        eprintln!(
            "transship: the journal could not be kept; resuming asks the registries again: {error}"
        );
    }
    Ok(Verdict::of(&board).into())
}

impl From<PaceArguments> for Pace {
    fn from(arguments: PaceArguments) -> Self {
        Self {
            parallel: arguments.parallel,
            attempts: arguments.attempts,
        }
    }
}

impl Pace {
    fn or(self, other: Self) -> Self {
        Self {
            parallel: self.parallel.or(other.parallel),
            attempts: self.attempts.or(other.attempts),
        }
    }

    fn options(self, list: &List) -> Options {
        let default = Policy::default();
        let attempts = self.attempts.or(list.defaults.attempts.map(Into::into));
        let parallel = self.parallel.or(list.defaults.parallel.map(Into::into));
        Options {
            parallel: parallel.unwrap_or(DEFAULT_PARALLEL),
            policy: Policy {
                attempts: attempts.unwrap_or(default.attempts),
                ..default
            },
            review: Review::None,
            stay: false,
        }
    }
}

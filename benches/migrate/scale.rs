//! Long lists: what 10,000 and 100,000 images cost beside the copying.
//!
//! Both registries serve the same directory, so that everything is there already and each image costs one HEAD a
//! side. Decides what is measured: the warm run, the time to the first image from the start and after a kill, the
//! journal's size, and how many events a second the loop, the journal with the board, and the disk take when
//! there is no front end.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tokio::{runtime::Runtime, sync::mpsc};
use transship::{
    batch::{
        Attempt, BlobKind, Board, Event, Job, JobId, Outcome, PlannedBlob, Settled, TimedEvent,
    },
    copy::Engine,
    journal::{Journal, JournalLocation, NewBatch, Recorder},
    oci::{CopySpec, Digest, Repository, Tag},
    registry::{Clients, Settings, TlsSettings},
    run::{self, Batch, Dispatcher, Inputs, Observer, RetryPolicy},
    serve::{ImageBuilder, Options, Server, Store},
};

use super::measure;

const LISTS: [usize; 2] = [10_000, 100_000];
const REPOSITORIES: usize = 100;
/// Layers of an image in the stream of events.
const LAYERS: u64 = 5;
/// Images whose events are made before any of them is taken.
const STORIES: u32 = 1000;

pub fn run(room: &Path) -> Result<()> {
    println!(
        "\nScale: lists of images that are all there already, on {}",
        super::table::machine()
    );
    println!();
    println!(
        "| images | wall s | images/s | processor s | peak MB | journal MB | first image s | after a kill s | loop events/s | taken events/s | durable events/s | loaded s |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for count in LISTS {
        let directory = room.join(format!("there-{count}"));
        let names = fill(&Store::open(&directory)?, count)?;
        let runtime = Runtime::new()?;
        let serve = || {
            runtime.block_on(Server::bind(
                (Ipv4Addr::LOCALHOST, 0).into(),
                Options::new(&directory),
            ))
        };
        let (source, destination) = (serve()?, serve()?);
        let list = room.join("long.toml");
        let text = format!(
            "version = 1\nimages = [\n{}]\n[source]\nregistry = \"{}\"\n[destination]\nregistry = \"{}\"\n",
            names.concat(),
            source.address(),
            destination.address()
        );
        fs::write(&list, text)?;
        measure_list(room, count, &list)?;
        fs::remove_dir_all(&directory)?;
    }
    Ok(())
}

fn measure_list(room: &Path, count: usize, list: &Path) -> Result<()> {
    let program = env!("CARGO_BIN_EXE_transship");
    let state = room.join("scale-state");
    let command = [
        program,
        "run",
        "--headless",
        "--state",
        &shown(&state),
        &shown(list),
    ];
    let measured = measure::run(&command.map(String::from))?;
    ensure!(measured.succeeded, "the run failed");
    let journal = size(&state)?;
    fs::remove_dir_all(&state)?;

    let began = Instant::now();
    let mut started = start(&["run", &shown(list)], &state)?;
    let mut events = BufReader::new(started.stdout.take().context("no output")?).lines();
    wait_for(&mut events, "\"job_started\"", 1)?;
    let first = began.elapsed();
    wait_for(&mut events, "\"job_finished\"", count / 2)?;
    started.kill()?;
    started.wait()?;
    let began = Instant::now();
    let mut resumed = start(&["resume"], &state)?;
    let mut events = BufReader::new(resumed.stdout.take().context("no output")?).lines();
    wait_for(&mut events, "\"job_started\"", 1)?;
    let after_kill = began.elapsed();
    resumed.kill()?;
    resumed.wait()?;
    fs::remove_dir_all(&state)?;

    let looped = loop_events_per_second(room, count)?;
    let Rates {
        taken,
        durable,
        loaded,
    } = events_per_second(room, count)?;
    println!(
        "| {count} | {:.1} | {:.0} | {:.1} | {:.0} | {:.1} | {:.2} | {:.2} | {looped:.0} | {taken:.0} | {durable:.0} | {loaded:.2} |",
        measured.wall.as_secs_f64(),
        count as f64 / measured.wall.as_secs_f64(),
        measured.processor.as_secs_f64(),
        measured.peak as f64 / 1e6,
        journal as f64 / 1e6,
        first.as_secs_f64(),
        after_kill.as_secs_f64(),
    );
    Ok(())
}

/// One image in many repositories under many tags; their names as lines of a list.
pub fn fill(store: &Store, count: usize) -> Result<Vec<String>> {
    let estate = ImageBuilder::new(store);
    let mut names = Vec::with_capacity(count);
    for number in 0..REPOSITORIES {
        let repository: Repository = format!("team-{}/app-{number}", number % 7).parse()?;
        let layer = estate.layer(&repository, 1, 1000)?;
        let version = |tag: usize| format!("1.{tag}.0").parse::<Tag>();
        let image = estate.image(
            &repository,
            Some(&version(0)?),
            &"linux/amd64".parse()?,
            &[layer],
        )?;
        let tags = store
            .directory()
            .join("repositories")
            .join(repository.as_str())
            .join("_tags");
        for tag in 0..count / REPOSITORIES {
            // As the store writes a tag, without waiting for the disk a hundred thousand times.
            fs::write(tags.join(version(tag)?.as_str()), image.digest.to_string())?;
            names.push(format!("    \"{repository}:{}\",\n", version(tag)?));
        }
    }
    Ok(names)
}

pub fn start(arguments: &[&str], state: &Path) -> Result<Child> {
    Command::new(env!("CARGO_BIN_EXE_transship"))
        .args(arguments)
        .args(["--json", "--state", &shown(state)])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("start the program")
}

fn wait_for(
    events: &mut impl Iterator<Item = std::io::Result<String>>,
    name: &str,
    mut times: usize,
) -> Result<()> {
    while times > 0 {
        let line = events.next().context("the program ended early")??;
        times -= usize::from(line.contains(name));
    }
    Ok(())
}

/// When the first and the last event came, and how many.
#[derive(Default)]
struct Seen {
    first: Option<Instant>,
    last: Option<Instant>,
    events: usize,
}

struct Counter(Arc<Mutex<Seen>>);

impl Observer for Counter {
    fn apply(&mut self, _: &Arc<TimedEvent>, _: &Board) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        seen.first.get_or_insert(now);
        seen.last = Some(now);
        seen.events += 1;
    }
}

/// The whole loop with its workers, without the network: every image is listed, started in a task of its own and
/// fails before its first request, for its registry's authority cannot be read.
fn loop_events_per_second(room: &Path, count: usize) -> Result<f64> {
    let state = room.join("loop-state");
    let runtime = Runtime::new()?;
    let seen = Arc::<Mutex<Seen>>::default();
    runtime.block_on(async {
        let settings = || Settings {
            tls: TlsSettings {
                ca_files: vec![room.join("nothing.pem")],
                ..TlsSettings::default()
            },
            ..Settings::default()
        };
        let registries = ["a.example", "b.example"].map(|name| Ok((name.parse()?, settings())));
        let settings = registries.into_iter().collect::<Result<_>>()?;
        let engine = Engine::new(Arc::new(Clients::new(settings)));
        let options = run::Options {
            parallel: 12,
            policy: RetryPolicy::default(),
            stay: false,
            review: run::Review::None,
        };
        let batch = Batch {
            list: "list.toml".into(),
            jobs: ids(count).map(job).collect::<Result<_>>()?,
            restored: None,
            staged: Vec::new(),
            notes: Vec::new(),
        };
        let (_commanding, commands) = mpsc::unbounded_channel();
        let (_signalling, signals) = mpsc::unbounded_channel();
        let (board, closed) = Dispatcher::new(
            Arc::new(engine),
            recorder(&state).await?,
            vec![Box::new(Counter(Arc::clone(&seen)))],
            options,
        )
        .run(batch, Inputs { commands, signals })
        .await;
        closed?;
        ensure!(
            board.counts().failed == count,
            "images did not fail as they should"
        );
        Ok(())
    })?;
    fs::remove_dir_all(&state)?;
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let spent = seen.last.zip(seen.first);
    let spent = spent.map(|(last, first)| last - first).unwrap_or_default();
    Ok(seen.events as f64 / spent.as_secs_f64())
}

struct Rates {
    /// Events a second.
    taken: f64,
    durable: f64,
    /// Seconds.
    loaded: f64,
}

/// What happens to each event without a front end: it is folded into what the journal has to write and onto the
/// board. The events are those of images with some layers each, all copied. The rate at which they are taken, and
/// the one at which they are durable; making the events up is in neither. And how long it takes to read all of it
/// again.
fn events_per_second(room: &Path, count: usize) -> Result<Rates> {
    let state = room.join("events-state");
    let runtime = Runtime::new()?;
    let rates = runtime.block_on(async {
        let recorder = recorder(&state).await?;
        let mut board = Board::default();
        let (mut spent, mut taken) = (Duration::ZERO, 0_usize);
        let mut emit = |events: Vec<Event>| {
            let began = Instant::now();
            for event in &events {
                recorder.record(event, jiff::Timestamp::UNIX_EPOCH);
                board.apply(event);
            }
            spent += began.elapsed();
            taken += events.len();
        };
        emit(vec![Event::BatchStarted {
            batch: recorder.batch().clone(),
            list: "list.toml".into(),
            jobs: ids(count).end,
            parallel: 12,
            resumed: false,
        }]);
        let listed = ids(count).map(|id| {
            Ok(Event::JobListed {
                job: Box::new(job(id)?),
            })
        });
        emit(listed.collect::<Result<_>>()?);
        for first in ids(count).step_by(STORIES as usize) {
            let some = first..ids(count).end.min(first + STORIES);
            emit(some.flat_map(|id| story(JobId(id))).collect());
        }
        let rate = taken as f64 / spent.as_secs_f64();
        let batch = recorder.batch().clone();
        let began = Instant::now();
        recorder.close().await?;
        spent += began.elapsed();
        let journal = Journal::open(JournalLocation::Directory(state.clone())).await?;
        let began = Instant::now();
        let (_, stored) = journal.resume(&batch).await?;
        let loaded = began.elapsed().as_secs_f64();
        ensure!(
            stored.settled.len() as u64 == count as u64 * LAYERS,
            "blobs are lost"
        );
        anyhow::Ok(Rates {
            taken: rate,
            durable: taken as f64 / spent.as_secs_f64(),
            loaded,
        })
    })?;
    fs::remove_dir_all(&state)?;
    Ok(rates)
}

async fn recorder(state: &Path) -> Result<Recorder> {
    let journal = Journal::open(JournalLocation::Directory(state.to_owned())).await?;
    let batch = NewBatch {
        list_path: PathBuf::from("list.toml"),
        list_text: String::new(),
        settings: String::new(),
    };
    Ok(journal.start(&batch).await?)
}

fn ids(count: usize) -> std::ops::Range<u32> {
    0..u32::try_from(count).unwrap_or(u32::MAX)
}

fn job(id: u32) -> Result<Job> {
    let name = format!("team-{}/app-{}:1.{id}.0", id % 7, id % 100);
    Ok(Job {
        id: JobId(id),
        spec: CopySpec::new(
            format!("a.example/{name}").parse()?,
            format!("b.example/{name}").parse()?,
        ),
    })
}

/// All events of an image that is copied.
fn story(job: JobId) -> Vec<Event> {
    let root = Digest::of(&job.0.to_le_bytes());
    let digests: Vec<Digest> = (0..LAYERS)
        .map(|layer| Digest::of(&(u64::from(job.0) * LAYERS + layer).to_le_bytes()))
        .collect();
    let planned = digests.iter().map(|digest| PlannedBlob {
        digest: digest.clone(),
        size: 1000,
        kind: BlobKind::Layer,
        media_type: None,
    });
    let mut events = vec![
        Event::JobStarted {
            job,
            attempt: Attempt(1),
        },
        Event::JobPlanned {
            job,
            root: root.clone(),
            blobs: planned.collect(),
            manifests: Vec::new(),
            replaces: None,
        },
    ];
    for digest in digests {
        events.push(Event::BlobStarted {
            job,
            digest: digest.clone(),
            offset: 0,
        });
        events.push(Event::BlobSettled {
            job,
            digest,
            bytes: 1000,
            how: Settled::Copied,
        });
    }
    events.push(Event::JobFinished {
        job,
        outcome: Outcome::Copied { root },
    });
    events
}

fn size(directory: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

pub fn shown(path: &Path) -> String {
    path.display().to_string()
}

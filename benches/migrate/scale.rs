//! Long lists: what 10,000 and 100,000 images cost beside the copying.
//!
//! Both registries serve the same directory, so that everything is there already and each image costs one HEAD a
//! side. Decides what is measured: the warm run, the time to the first image from the start and after a kill, the
//! journal's size, and the events a second that the board and the journal take without a front end.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tokio::runtime::Runtime;
use transship::{
    batch::{Attempt, BlobKind, Board, Event, Job, JobId, Outcome, PlannedBlob, Settled},
    journal::{Journal, NewBatch, Place},
    oci::{Attachments, Digest, Repository, Tag},
    serve::{Estate, Options, Server, Store},
};

use super::measure;

const LISTS: [usize; 2] = [10_000, 100_000];
const REPOSITORIES: usize = 100;
/// Layers of an image in the stream of events.
const LAYERS: u64 = 5;

pub fn run(room: &Path) -> Result<()> {
    println!(
        "\nScale: lists of images that are all there already, on {}",
        super::table::machine()
    );
    println!();
    println!(
        "| images | wall s | images/s | processor s | peak MB | journal MB | first image s | after a kill s | events/s |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
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

    println!(
        "| {count} | {:.1} | {:.0} | {:.1} | {:.0} | {:.1} | {:.2} | {:.2} | {:.0} |",
        measured.wall.as_secs_f64(),
        count as f64 / measured.wall.as_secs_f64(),
        measured.processor.as_secs_f64(),
        measured.peak as f64 / 1e6,
        journal as f64 / 1e6,
        first.as_secs_f64(),
        after_kill.as_secs_f64(),
        events_per_second(room, count)?,
    );
    Ok(())
}

/// One image in many repositories under many tags; their names as lines of a list.
fn fill(store: &Store, count: usize) -> Result<Vec<String>> {
    let estate = Estate::new(store);
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

fn start(arguments: &[&str], state: &Path) -> Result<Child> {
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

/// What the dispatcher does with each event when nobody watches: into the journal and onto the board. The events
/// are those of images with some layers each, all copied.
fn events_per_second(room: &Path, count: usize) -> Result<f64> {
    let state = room.join("events-state");
    let runtime = Runtime::new()?;
    let rate = runtime.block_on(async {
        let journal = Journal::open(Place::Directory(state.clone())).await?;
        let batch = NewBatch {
            list_path: PathBuf::from("list.toml"),
            list_text: String::new(),
            settings: String::new(),
        };
        let recorder = journal.start(&batch).await?;
        let mut board = Board::default();
        let (mut spent, mut events) = (Duration::ZERO, 0_usize);
        let mut emit = |event: Event| {
            let event = Arc::new(event);
            let began = Instant::now();
            recorder.record(&event);
            board.apply(&event);
            spent += began.elapsed();
            events += 1;
        };
        let ids = || 0..u32::try_from(count).unwrap_or(u32::MAX);
        emit(Event::BatchStarted {
            batch: recorder.batch().clone(),
            list: "list.toml".into(),
            jobs: ids().end,
            parallel: 12,
            resumed: false,
        });
        for id in ids() {
            emit(Event::JobListed { job: job(id)? });
        }
        for id in ids() {
            story(JobId(id)).into_iter().for_each(&mut emit);
        }
        let began = Instant::now();
        recorder.close().await?;
        spent += began.elapsed();
        anyhow::Ok(events as f64 / spent.as_secs_f64())
    })?;
    fs::remove_dir_all(&state)?;
    Ok(rate)
}

fn job(id: u32) -> Result<Job> {
    let name = format!("team-{}/app-{}:1.{id}.0", id % 7, id % 100);
    Ok(Job {
        id: JobId(id),
        source: format!("a.example/{name}").parse()?,
        destination: format!("b.example/{name}").parse()?,
        platforms: Vec::new(),
        attachments: Attachments::ALL,
    })
}

/// Everything that is said of an image that is copied.
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

fn shown(path: &Path) -> String {
    path.display().to_string()
}

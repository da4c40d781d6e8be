//! What metrics add to a list of 10,000 images that are all there already, the run in which an image costs least.
//!
//! The events of a real run are replayed in this process, with and without metrics. Decides that the cost is their
//! counting and a text for each second of the run. Invariant: it is compared with the processor time of that run.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::Ipv4Addr,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use tokio::runtime::Runtime;
use transship::{
    batch::{Board, TimedEvent},
    metrics::{Format, Metrics},
    serve::{Options, Server, Store},
};

use super::{
    measure::{self, Measured},
    scale::{fill, shown, start},
};

const IMAGES: usize = 10_000;
/// The fastest of this many replays counts, since other programs only make them slower.
const REPLAYS: usize = 9;

pub fn run(room: &Path) -> Result<()> {
    println!("\nMetrics: on {}\n", super::table::machine());
    let (measured, events) = real_run(room)?;
    let metrics = || Metrics::new(Vec::new);
    let without = fastest(|| replay(&events, None));
    let counting = fastest(|| replay(&events, Some(&metrics()))).saturating_sub(without);
    let counted = metrics();
    replay(&events, Some(&counted));
    let text = fastest(|| {
        let began = Instant::now();
        let _ = std::hint::black_box(counted.text(Format::PrometheusText));
        began.elapsed()
    });
    let seconds = u32::try_from(measured.wall.as_secs())? + 1;
    let added = counting + text * seconds;
    println!(
        "| images | events | run, processor s | counting ms | an event ns | a text ms | added |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|");
    println!(
        "| {IMAGES} | {} | {:.2} | {:.2} | {:.0} | {:.2} | {:.2} % |",
        events.len(),
        measured.processor.as_secs_f64(),
        milliseconds(counting),
        counting.as_secs_f64() * 1e9 / events.len() as f64,
        milliseconds(text),
        added.as_secs_f64() / measured.processor.as_secs_f64() * 100.0,
    );
    Ok(())
}

/// What a run costs, and the events of another one.
fn real_run(room: &Path) -> Result<(Measured, Vec<TimedEvent>)> {
    let directory = room.join("there");
    let names = fill(&Store::open(&directory)?, IMAGES)?;
    let runtime = Runtime::new()?;
    let serve = || {
        let options = Options::new(&directory);
        runtime.block_on(Server::bind((Ipv4Addr::LOCALHOST, 0).into(), options))
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
    let (program, state) = (env!("CARGO_BIN_EXE_transship"), room.join("state"));
    let command = [
        program,
        "run",
        "--headless",
        "--state",
        &shown(&state),
        &shown(&list),
    ];
    let measured = measure::run(&command.map(String::from))?;
    ensure!(measured.succeeded, "the run failed");
    let mut process = start(&["run", &shown(&list)], &state)?;
    let lines = BufReader::new(process.stdout.take().context("no output")?).lines();
    let events = lines
        .map(|line| Ok(serde_json::from_str(&line?)?))
        .collect::<Result<Vec<TimedEvent>>>()?;
    ensure!(process.wait()?.success(), "the run failed");
    Ok((measured, events))
}

/// The time for all events.
fn replay(events: &[TimedEvent], metrics: Option<&Metrics>) -> Duration {
    let mut board = Board::default();
    let mut batch = metrics.map(Metrics::batch);
    let began = Instant::now();
    for event in events {
        board.apply(&event.event);
        if let Some(batch) = &mut batch {
            batch.apply(event, &board);
        }
    }
    began.elapsed()
}

fn fastest(mut measure: impl FnMut() -> Duration) -> Duration {
    let times = (0..REPLAYS).map(|_| measure());
    times.min().unwrap_or_default()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

//! Copies the same images with this program and with others, and prints what each needed.
//!
//! `cargo bench --bench migrate -- [VARIANT...]`; variants are in [`Variant`], the default is `estate`. The other
//! settings are in `assets/benchmarks.md`. Invariant: every contestant starts from the same source and an empty
//! destination, and this program runs one at a time.

mod access;
mod contestants;
mod image_maker;
mod images;
mod latency;
mod measure;
mod metrics;
mod registries;
mod scale;
mod source;
mod table;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use self::{
    contestants::{Contestant, Task, contestants, transship},
    image_maker::Shape,
    registries::Registry,
    table::Row,
};

/// What is copied, and over which network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    /// 200 images in 40 repositories that share 8 base images.
    Estate,
    /// 2,000 images of a few kilobytes: bound by requests.
    Tiny,
    /// One layer of 4 GiB: bound by the stream.
    Large,
    /// The estate, all of it there already.
    Warm,
    /// The estate, 50 ms and 20 MB/s a connection away on both sides.
    Latency,
    /// Long lists: 10,000 and 100,000 images.
    Scale,
    /// What metrics add to a long list.
    Metrics,
}

impl Variant {
    const ALL: [(&str, Self); 7] = [
        ("estate", Self::Estate),
        ("tiny", Self::Tiny),
        ("large", Self::Large),
        ("warm", Self::Warm),
        ("latency", Self::Latency),
        ("scale", Self::Scale),
        ("metrics", Self::Metrics),
    ];

    fn read(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        match found {
            Some((_, variant)) => Ok(*variant),
            None => bail!(
                "there is no variant {name:?}; there are {:?}",
                Self::ALL.map(|(name, _)| name)
            ),
        }
    }

    fn shape(self) -> Shape {
        match self {
            Self::Estate | Self::Warm | Self::Latency | Self::Scale | Self::Metrics => {
                Shape::ESTATE
            }
            Self::Tiny => Shape::TINY,
            Self::Large => Shape::LARGE,
        }
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.peek().is_some_and(|first| first == measure::FLAG) {
        return measure::child(arguments.skip(1).collect());
    }
    let names: Vec<String> = arguments
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let mut variants = names
        .iter()
        .map(|name| Variant::read(name))
        .collect::<Result<Vec<_>>>()?;
    if variants.is_empty() {
        variants.push(Variant::Estate);
    }
    for variant in variants {
        run(variant)?;
    }
    Ok(())
}

fn run(variant: Variant) -> Result<()> {
    let room = room()?;
    if variant == Variant::Scale {
        return scale::run(room.path());
    }
    if variant == Variant::Metrics {
        return metrics::run(room.path());
    }
    let shape = variant.shape();
    let source = Registry::start(&room.path().join("source"))?;
    let images = source::fill(&source, shape, room.path())?;
    println!("\n{variant:?}: {images}");
    println!(
        "registries: {}, machine: {}",
        source.kind(),
        table::machine()
    );
    let far = (variant == Variant::Latency)
        .then(|| latency::Proxy::start(source.address()))
        .transpose()?;
    let mut rows: Vec<Row> = Vec::new();
    for contestant in contestants(variant == Variant::Warm)? {
        let directory = room.path().join("destination");
        let destination = Registry::start(&directory)?;
        let near = (variant == Variant::Latency)
            .then(|| latency::Proxy::start(destination.address()))
            .transpose()?;
        let task = Task::write(
            room.path(),
            &images,
            far.as_ref()
                .map_or(source.address(), latency::Proxy::address),
            near.as_ref()
                .map_or(destination.address(), latency::Proxy::address),
        )?;
        if variant == Variant::Warm {
            let filled = transship().measure(&task)?;
            anyhow::ensure!(filled.succeeded, "the destination could not be filled");
        }
        rows.push(contest(&contestant, &task, &source, &destination)?);
        drop(destination);
        std::fs::remove_dir_all(&directory).context("remove the destination")?;
    }
    table::print(&images, &rows);
    Ok(())
}

fn contest(
    contestant: &Contestant,
    task: &Task,
    source: &Registry,
    destination: &Registry,
) -> Result<Row> {
    let before = (source.access()?, destination.access()?);
    let processor = || anyhow::Ok(source.processor()?.zip(destination.processor()?));
    let worked = processor()?;
    eprintln!("running {} ...", contestant.name);
    let measured = contestant.measure(task)?;
    let registries =
        (processor()?.zip(worked)).map(|(after, before)| (after.0 - before.0, after.1 - before.1));
    Ok(Row {
        name: contestant.name.clone(),
        measured,
        registries,
        source: source.access()?.since(&before.0),
        destination: destination.access()?.since(&before.1),
        complete: destination.manifests(&task.images)?,
    })
}

/// The working directory.
fn room() -> Result<TempDir> {
    let below =
        std::env::var_os("TRANSSHIP_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    tempfile::Builder::new()
        .prefix("transship-bench-")
        .tempdir_in(below)
        .context("make a directory to work in")
}

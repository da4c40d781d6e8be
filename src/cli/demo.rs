//! `transship demo`: a migration between two registries in this process.
//!
//! Decides which images there are and which faults the source has; engine, journal and front ends are those of
//! `transship run`. Invariant: nothing leaves this machine.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU64,
    path::PathBuf,
};

use anyhow::Context;
use clap::Args;

use super::{
    credentials_file::CredentialsFileArguments,
    exit::Exit,
    front_end::{FrontEnd, OutputArguments, prepare},
    journal_arguments::JournalArguments,
    list_source::{ListSource, TrustArguments},
    metrics_arguments::MetricsArguments,
    output::{shown, tell},
    rollback_arguments::RollbackFileArguments,
    run,
    run_arguments::RunArguments,
    run_settings::PaceArguments,
};
use crate::{
    batch::BatchResult,
    oci::{Descriptor, Platform, Repository, Tag},
    present::{Commands, command},
    serve::{Action, Fault, ImageBuilder, Options, Server, Store},
};

/// Bytes a second for each connection, so that there is something to watch.
const THROTTLE: u64 = 1_500_000;
const MIB: u64 = 1024 * 1024;

/// Base images: name and layer sizes in KiB.
const BASES: [(&str, &[u64]); 4] = [
    ("base/debian", &[9_800]),
    ("base/jre", &[9_800, 7_400, 1_900]),
    ("base/node", &[9_800, 6_200, 800]),
    ("base/distroless", &[2_300]),
];

/// Applications: name, base, layers of their own in KiB, tags.
const APPLICATIONS: [(&str, usize, &[u64], &[&str]); 18] = [
    ("shop/cart", 1, &[1_450, 220], &["2.4.0", "2.4.1", "2.5.0"]),
    (
        "shop/checkout",
        1,
        &[1_800, 310],
        &["1.9.3", "1.10.0", "1.10.1"],
    ),
    ("shop/catalog", 1, &[2_600], &["7.0.0", "7.1.0"]),
    ("shop/frontend", 2, &[3_900, 640], &["31", "32", "33", "34"]),
    (
        "shop/recommendations",
        2,
        &[2_100, 410],
        &["0.8.0", "0.9.0"],
    ),
    ("billing/invoices", 1, &[1_300], &["4.2", "4.3", "4.4"]),
    ("billing/payments", 1, &[1_700, 90], &["4.2", "4.3", "4.4"]),
    ("billing/ledger", 1, &[1_100], &["4.4"]),
    (
        "platform/gateway",
        3,
        &[5_200],
        &["1.27.0", "1.27.1", "1.28.0"],
    ),
    ("platform/auth", 3, &[3_100], &["12", "13", "14"]),
    ("platform/mailer", 2, &[900, 120], &["3.3.1", "3.4.0"]),
    (
        "platform/scheduler",
        3,
        &[2_700],
        &["0.14.0", "0.15.0", "0.15.1"],
    ),
    (
        "data/ingest",
        0,
        &[4_400, 1_250],
        &["2026.09", "2026.10", "2026.11"],
    ),
    ("data/warehouse", 0, &[6_100], &["18.1", "18.2"]),
    ("data/notebooks", 0, &[8_700, 2_300], &["11"]),
    ("ops/backup", 0, &[1_050], &["5.0", "5.1", "5.2"]),
    ("ops/metrics", 3, &[3_600], &["2.54.0", "2.55.0", "2.55.1"]),
    ("ops/runner", 0, &[2_200, 750], &["216", "217", "218"]),
];

/// Images for several platforms: name, base, own layer in KiB, tag.
const MULTI_ARCH: [(&str, u64, &str); 2] =
    [("edge/agent", 2_900, "3.1.0"), ("edge/proxy", 1_900, "9.2")];

/// Its manifest is refused once.
const FAILS_ONCE: &str = "billing/ledger";
/// Its layers are missing at the source, so it cannot be copied.
const FAILS_ALWAYS: &str = "data/notebooks";

#[derive(Args)]
pub(super) struct DemoArguments {
    /// Directory for the registries and the journal, instead of a temporary one.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArguments,
}

pub(super) async fn demo(arguments: DemoArguments) -> anyhow::Result<Exit> {
    // The batch cannot be resumed: its registries end with the demo.
    let prepared = prepare(&arguments.output, Commands::default().ending_here())?;
    let front_end = prepared.front_end;
    let directory = match &arguments.dir {
        Some(directory) => directory.clone(),
        None => fresh_directory()?,
    };
    let state = directory.join("state");
    let commands = Commands::with_state(&shown(&std::path::absolute(&state)?));
    let [source_dir, destination_dir] = ["source", "destination"].map(|name| directory.join(name));
    tell(format_args!(
        "filling two registries in {}",
        shown(&directory)
    ));
    let images = {
        let source_dir = source_dir.clone();
        tokio::task::spawn_blocking(move || fill(&Store::open(source_dir)?)).await?
    }
    .context("cannot build the demo's images")?;
    let source = start(&source_dir).await?;
    let destination = start(&destination_dir).await?;
    misbehave(&source)?;
    let list = write_list(source.address(), destination.address(), &images);
    let list_path = directory.join("list.toml");
    std::fs::write(&list_path, &list)
        .with_context(|| format!("cannot write {}", shown(&list_path)))?;

    let run = RunArguments {
        list: list_path.clone(),
        to: None,
        watch: None,
        yes: false,
        trust: TrustArguments::default(),
        credentials: CredentialsFileArguments::default(),
        journal: JournalArguments {
            state: Some(state),
            journal: None,
        },
        policy: super::policy_arguments::PolicyArguments::default(),
        pace: PaceArguments {
            parallel: None,
            attempts: None,
        },
        rollback: RollbackFileArguments::default(),
        metrics: MetricsArguments::default(),
        output: arguments.output,
    };
    let list = ListSource::read(&list_path)?;
    let exit = run::run_prepared(&run, list, prepared).await?;
    source.stop().await;
    destination.stop().await;
    if front_end != FrontEnd::Json {
        tell(format_args!("list: {}", shown(&list_path)));
        let dir = |directory| std::path::absolute(directory).map(|path| shown(&path));
        tell(format_args!(
            "`{}` serves the destination; `{}` shows the batch; `{}` runs the demo again",
            command(["serve", "--dir", &dir(&destination_dir)?]),
            commands.line(&["batches"]),
            command(["demo", "--dir", &dir(&directory)?])
        ));
    }
    Ok(match exit {
        // One image fails by design.
        Exit::Run(BatchResult::SomeFailed) => Exit::Good,
        other => other,
    })
}

fn fresh_directory() -> anyhow::Result<PathBuf> {
    let directory = tempfile::Builder::new().prefix("transship-demo-").tempdir();
    Ok(directory
        .context("cannot create a directory for the demo")?
        .keep())
}

async fn start(directory: &std::path::Path) -> anyhow::Result<Server> {
    let options = Options {
        throttle: NonZeroU64::new(THROTTLE),
        ..Options::new(directory)
    };
    Ok(Server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), options).await?)
}

fn misbehave(source: &Server) -> anyhow::Result<()> {
    let busy = Action::Answer {
        status: 503,
        headers: vec![("Retry-After".into(), "4".into())],
        body: r#"{"errors":[{"code":"UNAVAILABLE","message":"the registry is restarting"}]}"#
            .into(),
    };
    source
        .faults()
        .add_optional(Fault::on_any(&format!("/{FAILS_ONCE}/manifests/"), busy)?.times(1));
    let lost = Action::Answer {
        status: 404,
        headers: Vec::new(),
        body: r#"{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]}"#.into(),
    };
    source
        .faults()
        .add_optional(Fault::on_any(&format!("/{FAILS_ALWAYS}/blobs/"), lost)?);
    Ok(())
}

/// Fills the source. Returns the images as the list names them.
fn fill(store: &Store) -> anyhow::Result<Vec<String>> {
    let estate = ImageBuilder::new(store);
    let amd64: Platform = "linux/amd64".parse()?;
    let mut images = Vec::new();
    let mut bases: Vec<(Repository, Vec<Descriptor>)> = Vec::new();
    for (name, sizes) in BASES {
        let repository: Repository = name.parse()?;
        // Layers of equal depth and size are one layer, as in bases built on each other.
        let layers: Vec<_> = (0..)
            .zip(sizes)
            .map(|(depth, size)| estate.layer(&repository, depth * 100_000 + size, size * 1024))
            .collect::<Result<_, _>>()?;
        let tag: Tag = "2026.11".parse()?;
        estate.image(&repository, Some(&tag), &amd64, &layers)?;
        images.push(format!("{repository}:{tag}"));
        bases.push((repository, layers));
    }
    let mut seed = 1_000_000;
    for (name, base, sizes, tags) in APPLICATIONS {
        let repository: Repository = name.parse()?;
        let (from, base) = &bases[base];
        for tag in tags {
            let mut layers = base.clone();
            for layer in base {
                estate.share(layer, from, &repository)?;
            }
            for size in sizes {
                seed += 1;
                layers.push(estate.layer(&repository, seed, size * 1024)?);
            }
            let tag: Tag = tag.parse()?;
            estate.image(&repository, Some(&tag), &amd64, &layers)?;
            images.push(format!("{repository}:{tag}"));
        }
    }
    for (name, size, tag) in MULTI_ARCH {
        let repository: Repository = name.parse()?;
        let mut children = Vec::new();
        for platform in ["linux/amd64", "linux/arm64", "linux/arm/v7"] {
            seed += 1;
            let layer = estate.layer(&repository, seed, size * 1024)?;
            children.push(estate.image(&repository, None, &platform.parse()?, &[layer])?);
        }
        let tag: Tag = tag.parse()?;
        estate.index(&repository, &tag, &children)?;
        images.push(format!("{repository}:{tag}"));
    }
    let charts: Repository = "charts/shop".parse()?;
    let tag: Tag = "1.4.2".parse()?;
    let chart = vec![7; usize::try_from(MIB / 8)?];
    estate.artifact(
        &charts,
        &tag,
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
        &chart,
    )?;
    images.push(format!("{charts}:{tag}"));
    Ok(images)
}

fn write_list(source: SocketAddr, destination: SocketAddr, images: &[String]) -> String {
    let images: Vec<String> = images
        .iter()
        .map(|image| format!("    \"{image}\",\n"))
        .collect();
    let images = images.concat();
    // `images` is a top-level key, so it comes before the tables.
    format!(
        "version = 1\n\nimages = [\n{images}]\n\n\
         [source]\nregistry = \"{source}\"\n\n\
         [destination]\nregistry = \"{destination}\"\nprefix = \"mirror\"\n\n\
         [defaults]\nparallel = 10\n"
    )
}

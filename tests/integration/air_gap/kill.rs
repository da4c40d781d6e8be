//! The real binary killed with SIGKILL at random moments while it writes a layout or an archive, and resumed.
//!
//! A layout is valid at every moment; an archive is there as a whole or not at all.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};
use transship::{batch::Event, oci::Digest, serve::ImageBuilder};

use crate::{
    embedded::Embedded,
    installed,
    operator::{Operator, event},
    sample_images::{amd64, repository},
};

const SEED: u64 = 20_261_122;
const IMAGES: u64 = 8;
const LAYER_BYTES: u64 = 60_000;
/// Bytes a second for each connection, so that there is something to kill.
const THROTTLE: u64 = 400_000;
/// Within the copy; the last kill is while the store is finished.
const KILLS: usize = 4;
const FEWEST_KILLS: usize = 3;

/// When a run is killed.
enum Moment {
    /// After so many events, counted from the first image's start.
    Events(u64),
    /// When nothing is left to copy, and the archive is being written.
    Finishing,
    Never,
}

impl Moment {
    fn has_come(&mut self, event: &Event) -> bool {
        match self {
            Self::Events(left) => {
                *left = left.saturating_sub(1);
                *left == 0
            }
            Self::Finishing => {
                matches!(event, Event::Noted { text, .. } if text.ends_with("is being written"))
            }
            Self::Never => false,
        }
    }
}

struct Room {
    source: Embedded,
    operator: Operator,
    /// The key of the store in a list, and of its transport.
    store: &'static str,
}

impl Room {
    async fn new(store: &'static str) -> Self {
        let source = Embedded::throttled(THROTTLE).await;
        let builder = ImageBuilder::new(source.server.store());
        let repository = repository("team/app");
        let base = builder.layer(&repository, 0, LAYER_BYTES).unwrap();
        for seed in 1..=IMAGES {
            let own = builder.layer(&repository, seed, LAYER_BYTES).unwrap();
            let tag = seed.to_string().parse().unwrap();
            let layers = [base.clone(), own];
            builder
                .image(&repository, Some(&tag), &amd64(), &layers)
                .unwrap();
        }
        Self {
            source,
            operator: Operator::new(),
            store,
        }
    }

    fn list(&self) -> PathBuf {
        let images: String = (1..=IMAGES)
            .map(|tag| format!("\"team/app:{tag}\", "))
            .collect();
        self.operator.list(&format!(
            "version = 1\nimages = [{images}]\n[source]\nregistry = \"{}\"\n[destination]\n{} = \"{}\"\n",
            self.source.address(),
            self.store,
            self.path().display(),
        ))
    }

    fn path(&self) -> PathBuf {
        self.operator.path("store")
    }

    fn location(&self) -> String {
        format!("{}:{}", self.store, self.path().display())
    }

    fn start(&self, is_first: bool) -> Child {
        let list = self.list();
        let arguments = match is_first {
            true => vec!["run", list.to_str().unwrap(), "--json", "--parallel=2"],
            false => vec!["resume", "--json"],
        };
        self.operator.command(&arguments).spawn().unwrap()
    }

    /// Runs until the moment has come, and kills. Returns whether the batch was finished.
    async fn run(&self, is_first: bool, mut moment: Moment) -> bool {
        let mut process = self.start(is_first);
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut has_begun = false;
        let mut is_finished = false;
        while let Some(line) = lines.next_line().await.unwrap() {
            let event = event(&line);
            has_begun |= matches!(event, Event::JobStarted { .. });
            is_finished |= matches!(event, Event::BatchFinished { stopped_by: None });
            if (has_begun || matches!(moment, Moment::Finishing)) && moment.has_come(&event) {
                break;
            }
        }
        // SIGKILL; nothing happens when it has ended already.
        process.kill().await.unwrap();
        is_finished
    }

    /// The images that a reader finds.
    async fn names(&self) -> usize {
        let listed = self.operator.say(&["tags", &self.location()]).await;
        listed.expect(0).stdout.lines().count()
    }
}

/// Every image of the layout is there with all its blobs, and each blob is what its name says.
async fn layout_is_valid(layout: &Path) {
    let Ok(index) = fs::read(layout.join("index.json")) else {
        return;
    };
    let index: Value = serde_json::from_slice(&index).unwrap();
    let blob = |digest: &Value| {
        let digest: Digest = digest.as_str().unwrap().parse().unwrap();
        let content = fs::read(layout.join("blobs/sha256").join(digest.hex()));
        let content = content.unwrap_or_else(|error| panic!("{digest}: {error}"));
        assert_eq!(Digest::of(&content), digest);
        content
    };
    let mut names = Vec::new();
    for image in index["manifests"].as_array().unwrap() {
        let manifest: Value = serde_json::from_slice(&blob(&image["digest"])).unwrap();
        blob(&manifest["config"]["digest"]);
        for layer in manifest["layers"].as_array().unwrap() {
            blob(&layer["digest"]);
        }
        let name = &image["annotations"]["org.opencontainers.image.ref.name"];
        names.push(name.as_str().unwrap().to_owned());
    }
    let (Some(skopeo), Some(name)) = (installed::program("skopeo"), names.last()) else {
        return;
    };
    let image = format!("oci:{}:{name}", layout.display());
    let inspected = Command::new(skopeo)
        .args(["inspect", "--raw", &image])
        .output();
    let inspected = inspected.await.unwrap();
    assert!(inspected.status.success(), "{image}: {inspected:?}");
}

/// The names in a directory.
fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// Kills again and again, checks the store after each kill, and lets the last run finish.
async fn kill_until_done(room: &Room, check: impl AsyncFn()) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(SEED);
    let moments = (0..KILLS).map(|_| Moment::Events(random.random_range(5..40)));
    let moments = moments.chain([Moment::Finishing, Moment::Never]);
    let mut is_finished = false;
    let mut killed = 0;
    for (run, moment) in moments.enumerate() {
        is_finished = room.run(run == 0, moment).await;
        killed += usize::from(!is_finished);
        check().await;
    }
    assert!(is_finished, "the last run was not killed");
    assert!(killed >= FEWEST_KILLS, "{killed} kills");
    assert_eq!(room.names().await, usize::try_from(IMAGES).unwrap());
    let files = files(&room.operator.path(""));
    assert_eq!(files, ["list.toml", "state", "store"]);
}

#[tokio::test]
async fn a_layout_is_valid_after_every_kill() {
    let room = Room::new("oci").await;
    kill_until_done(&room, async || layout_is_valid(&room.path()).await).await;
    assert_eq!(files(&room.path()), ["blobs", "index.json", "oci-layout"]);
    // Each image has a manifest, a config and a layer, and all of them the first layer.
    let blobs = files(&room.path().join("blobs/sha256"));
    assert_eq!(blobs.len() as u64, IMAGES * 3 + 1, "{blobs:?}");
}

#[tokio::test]
async fn an_archive_is_there_as_a_whole_or_not_at_all() {
    for store in ["oci-archive", "docker-archive"] {
        let room = Room::new(store).await;
        let is_whole = async || {
            if room.path().exists() {
                assert_eq!(room.names().await, usize::try_from(IMAGES).unwrap());
            }
        };
        kill_until_done(&room, is_whole).await;
    }
}

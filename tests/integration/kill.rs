//! The real binary killed with SIGKILL at random moments, and resumed until all is done.
//!
//! A blob is settled once the registry has said so: what it had answered before a kill must not be sent to the
//! same repository again. What was on its way at that moment is neither, and may be.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
};
use transship::{
    batch::{Event, JobId, Outcome},
    oci::{Location, Version},
};

use crate::{
    docker_registry::DockerRegistry,
    embedded::Embedded,
    operator::{Operator, event, list},
    requests::Request,
    sample_images::{SampleImages, repository},
    skopeo::Skopeo,
};

const SEED: u64 = 20_261_121;
/// At most; a batch may end earlier.
const MOST_KILLS: usize = 8;
/// One of each kind.
const FEWEST_KILLS: usize = 4;
/// Bytes a second for each connection to an embedded registry, so that there is something to kill.
const THROTTLE: u64 = 300_000;
/// KiB of a base layer.
const WEIGHT: u64 = 300;

/// When a run is killed: after the first so many of these, counted from the first image's start.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Lines(u64),
    SettledBlobs(u64),
    FinishedImages(u64),
    /// Bytes of one blob in flight.
    Bytes(u64),
    Never,
}

impl Moment {
    /// Every kind in turn, at random each.
    fn of(run: usize, random: &mut Xoshiro256PlusPlus) -> Self {
        match run % 4 {
            _ if run >= MOST_KILLS => Self::Never,
            0 => Self::Bytes(random.random_range(1..WEIGHT * 512)),
            1 => Self::FinishedImages(random.random_range(1..5)),
            2 => Self::SettledBlobs(random.random_range(1..12)),
            _ => Self::Lines(random.random_range(1..100)),
        }
    }

    /// Applies an event; whether the moment has come.
    fn has_come(&mut self, event: &Event) -> bool {
        let count = |left: &mut u64, counts: bool| {
            *left = left.saturating_sub(counts.into());
            *left == 0
        };
        match self {
            Self::Lines(left) => count(left, true),
            Self::SettledBlobs(left) => count(left, matches!(event, Event::BlobSettled { .. })),
            Self::FinishedImages(left) => count(left, matches!(event, Event::JobFinished { .. })),
            Self::Bytes(bytes) => match event {
                Event::Progress { blobs } => blobs.iter().any(|blob| blob.done >= *bytes),
                _ => false,
            },
            Self::Never => false,
        }
    }
}

/// What both sides were asked so far.
struct Asked {
    source: Vec<Request>,
    destination: Vec<Request>,
}

#[tokio::test]
async fn a_batch_killed_again_and_again_sends_no_settled_blob_twice() {
    let source = Embedded::throttled(THROTTLE).await;
    let destination = Embedded::throttled(THROTTLE).await;
    let samples = SampleImages::new(source.server.store(), WEIGHT);
    let text = list(&source.address(), &destination.address(), &samples.images);
    let asked = async || Asked {
        source: source.requests(),
        destination: destination.requests(),
    };
    kill_until_done(&Operator::new(), &text, asked).await;
    for image in &samples.images {
        let (name, tag) = image.split_once(':').unwrap();
        let version = Version::Tag(tag.parse().unwrap());
        let [copy, origin] = [&destination, &source].map(|side| {
            let manifest = side.server.store().manifest(&repository(name), &version);
            manifest.unwrap().unwrap().digest
        });
        assert_eq!(copy, origin, "{image}");
    }
    let store = destination.server.store();
    for (name, digest) in samples.blobs() {
        let is_there = store.has_blob(&repository(&name), &digest);
        assert!(is_there, "{name} {digest}");
    }
}

#[tokio::test]
async fn a_real_registry_gets_no_settled_blob_twice_either() {
    let (Some(skopeo), Some(destination)) = (Skopeo::find(), DockerRegistry::start().await) else {
        return;
    };
    let source = Embedded::throttled(THROTTLE).await;
    let samples = SampleImages::new(source.server.store(), WEIGHT);
    let (from, to) = (source.address(), destination.address());
    let text = list(&from, to, &samples.images);
    let asked = async || Asked {
        source: source.requests(),
        destination: destination.requests().await,
    };
    kill_until_done(&Operator::new(), &text, asked).await;
    let copies = skopeo.digests(&samples.at(to)).await;
    assert_eq!(copies, skopeo.digests(&samples.at(&from)).await);
}

async fn kill_until_done(operator: &Operator, text: &str, asked: impl AsyncFn() -> Asked) {
    let list = operator.list(text);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(SEED);
    let mut restored_in_all = 0;
    let mut killed = 0;
    loop {
        let before = asked().await;
        let finished = finished_images(operator).await;
        let mut process = start(operator, &list, killed);
        let moment = Moment::of(killed, &mut random);
        let events = watch(&mut process, moment).await;
        // SIGKILL; nothing happens when it has ended already.
        process.kill().await.unwrap();
        let restored = restored(&events);
        assert_eq!(restored.len(), finished);
        restored_in_all += restored.len();
        let after = asked().await;
        finished_images_are_not_asked_for(&restored, &before, &after);
        settled_blobs_are_not_sent(&before.destination, &after.destination);
        if matches!(
            events.last(),
            Some(Event::BatchFinished { stopped_by: None })
        ) {
            break;
        }
        killed += 1;
        assert!(killed <= MOST_KILLS, "the last run ended by itself");
    }
    assert!(killed >= FEWEST_KILLS, "done after {killed} kills");
    assert!(
        restored_in_all > 0,
        "every kill came before the first image was finished"
    );
}

fn start(operator: &Operator, list: &Path, killed: usize) -> Child {
    let arguments = match killed {
        0 => vec!["run", list.to_str().unwrap(), "--json", "--parallel=4"],
        _ => vec!["resume", "--json"],
    };
    operator.command(&arguments).spawn().unwrap()
}

/// Reads the event stream until the moment has come.
async fn watch(process: &mut Child, mut moment: Moment) -> Vec<Event> {
    let mut stream = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut events = Vec::new();
    let mut begun = false;
    while let Some(line) = stream.next_line().await.unwrap() {
        let event = event(&line);
        begun |= matches!(event, Event::JobStarted { .. });
        let over = begun && moment.has_come(&event);
        events.push(event);
        if over {
            break;
        }
    }
    events
}

/// How many images are copied or up to date according to the journal.
async fn finished_images(operator: &Operator) -> usize {
    let batches = operator.say(&["batches", "--json"]).await;
    let Some(line) = batches.expect(0).stdout.lines().next() else {
        return 0;
    };
    let batch: serde_json::Value = serde_json::from_str(line).unwrap();
    let images = |state: &str| batch["images"][state].as_u64().unwrap();
    usize::try_from(images("copied") + images("up_to_date")).unwrap()
}

/// The images that were taken over as finished: source and destination.
fn restored(events: &[Event]) -> Vec<(Location, Location)> {
    let mut jobs: BTreeMap<JobId, _> = BTreeMap::new();
    let mut restored = Vec::new();
    for event in events {
        match event {
            Event::JobListed { job } => {
                jobs.insert(
                    job.id,
                    (job.spec.source.clone(), job.spec.destination.clone()),
                );
            }
            Event::JobRestored { job, outcome } => {
                assert!(matches!(
                    outcome,
                    Outcome::Copied { .. } | Outcome::UpToDate { .. }
                ));
                restored.push(jobs[job].clone());
            }
            _ => {}
        }
    }
    restored
}

fn finished_images_are_not_asked_for(
    restored: &[(Location, Location)],
    before: &Asked,
    after: &Asked,
) {
    let asked = |before: &[Request], after: &[Request], image: &Location| {
        let image = image.reference().unwrap();
        let tag = image.tag.as_ref().unwrap();
        let path = format!("/v2/{}/manifests/{tag}", image.repository);
        after[before.len()..]
            .iter()
            .any(|request| request.target == path)
    };
    for (source, destination) in restored {
        assert!(!asked(&before.source, &after.source, source), "{source}");
        assert!(
            !asked(&before.destination, &after.destination, destination),
            "{destination}"
        );
    }
}

fn settled_blobs_are_not_sent(before: &[Request], after: &[Request]) {
    let settled: BTreeSet<_> = before.iter().filter_map(Request::accepted_upload).collect();
    let sent: BTreeSet<_> = after[before.len()..]
        .iter()
        .filter_map(Request::upload)
        .collect();
    let again: Vec<_> = sent.intersection(&settled).collect();
    assert!(again.is_empty(), "{again:?}");
}

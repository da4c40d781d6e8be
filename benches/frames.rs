//! The cost of the interface: one frame and one event at 100, 10,000 and 100,000 images, copied or reviewed, and the
//! share of a core during a batch of 10,000.
//!
//! `cargo bench --bench frames` prints the table. Invariant: only drawing and applying events are measured, without a
//! terminal or a registry.

use std::{
    hint::black_box,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use transship::{
    batch::{
        Attempt, BatchId, BlobKind, BlobProgress, Event, Job, JobId, Outcome, PlannedBlob,
        QueueReason, Settled, TimedEvent,
    },
    oci::{CopySpec, Digest},
    tui::{OffscreenTui, Options},
};

const SIZE: (u16, u16) = (160, 50);
const FRAMES: u32 = 400;
const LAYERS: u64 = 7;
/// Images a second, and the maximal frames a second.
const IMAGES_A_SECOND: u64 = 20;
const FRAMES_A_SECOND: u64 = 20;

fn main() {
    println!(
        "{:>8}  {:>8}  {:>12}  {:>12}  {:>12}",
        "", "images", "frame", "event", "a key"
    );
    for (name, act) in [("copied", copy as Act), ("reviewed", review)] {
        for images in [100, 10_000, 100_000] {
            let mut screen = listed(images);
            let (events, folding) = act(&mut screen, 0..images / 2, 0);
            screen.tick(Duration::from_secs(60));
            let frame = each(FRAMES, || {
                black_box(screen.draw());
            });
            let key = each(FRAMES, || {
                black_box(screen.press("j"));
            });
            let event = folding / u32::try_from(events).unwrap_or(u32::MAX);
            println!("{name:>8}  {images:>8}  {frame:>12.1?}  {event:>12.1?}  {key:>12.1?}");
        }
    }
    share();
}

/// A batch of 10,000 images: every event, and twenty frames a second.
fn share() {
    let images = 10_000;
    let mut screen = listed(images);
    let seconds = u64::from(images) / IMAGES_A_SECOND;
    let began = Instant::now();
    let mut drawn = 0;
    for second in 0..seconds {
        let from = u32::try_from(second * IMAGES_A_SECOND).unwrap_or(u32::MAX);
        let to = from + u32::try_from(IMAGES_A_SECOND).unwrap_or(u32::MAX);
        copy(&mut screen, from..to, second);
        for frame in 0..FRAMES_A_SECOND {
            let now = Duration::from_millis(second * 1000 + frame * 1000 / FRAMES_A_SECOND);
            screen.tick(now);
            black_box(screen.draw());
            drawn += 1;
        }
    }
    let busy = began.elapsed();
    let percent = busy.as_secs_f64() * 100.0 / Duration::from_secs(seconds).as_secs_f64();
    println!(
        "{images} images in {seconds} s: {drawn} frames and all events took {busy:.2?}, {percent:.2} % of a core"
    );
}

fn each(times: u32, mut act: impl FnMut()) -> Duration {
    let began = Instant::now();
    for _ in 0..times {
        act();
    }
    began.elapsed() / times
}

fn listed(images: u32) -> OffscreenTui {
    let options = Options::detect(|name| (name == "LANG").then(|| "C.UTF-8".into()));
    let mut screen = OffscreenTui::new(SIZE, options);
    screen.event(timed(Event::BatchStarted {
        batch: BatchId("bench".into()),
        list: "bench.toml".into(),
        jobs: images,
        parallel: 12,
        resumed: false,
    }));
    for id in 0..images {
        let name = format!("team-{}/app-{id}:1.{}", id % 97, id % 13);
        let reference = |registry: &str| match format!("{registry}/{name}").parse() {
            Ok(reference) => reference,
            Err(error) => panic!("{name}: {error}"),
        };
        screen.event(timed(Event::JobListed {
            job: Box::new(Job {
                id: JobId(id),
                spec: CopySpec::new(reference("a.example"), reference("b.example")),
            }),
        }));
    }
    screen
}

/// Applies the events of these images; returns their number and cost.
type Act = fn(&mut OffscreenTui, Range<u32>, u64) -> (usize, Duration);

fn planned(id: u32, salt: u64) -> [Event; 2] {
    let job = JobId(id);
    let blobs = (0..LAYERS).map(|blob| PlannedBlob {
        digest: digest(id, blob, salt),
        size: 1 << 20,
        kind: BlobKind::Layer,
        media_type: None,
    });
    let attempt = Attempt(1);
    [
        Event::JobStarted { job, attempt },
        Event::JobPlanned {
            job,
            root: digest(id, 99, salt),
            manifests: Vec::new(),
            blobs: blobs.collect(),
            replaces: None,
        },
    ]
}

fn digest(id: u32, blob: u64, salt: u64) -> Digest {
    Digest::of(format!("{id}/{blob}/{salt}").as_bytes())
}

/// All events come at once; ticks move the time.
fn timed(event: Event) -> Arc<TimedEvent> {
    let at = jiff::Timestamp::UNIX_EPOCH;
    Arc::new(TimedEvent { at, event })
}

fn apply(screen: &mut OffscreenTui, events: Vec<Event>) -> (usize, Duration) {
    let events: Vec<Arc<TimedEvent>> = events.into_iter().map(timed).collect();
    let count = events.len();
    let began = Instant::now();
    for event in events {
        screen.event(event);
    }
    (count, began.elapsed())
}

/// Reviews these images.
fn review(screen: &mut OffscreenTui, images: Range<u32>, salt: u64) -> (usize, Duration) {
    let mut events = vec![Event::ReviewStarted];
    for id in images {
        events.extend(planned(id, salt));
        let (job, why) = (JobId(id), QueueReason::Planned);
        events.push(Event::JobQueued { job, why });
    }
    apply(screen, events)
}

/// Copies these images.
fn copy(screen: &mut OffscreenTui, images: Range<u32>, salt: u64) -> (usize, Duration) {
    let mut events = Vec::new();
    for id in images {
        let job = JobId(id);
        events.extend(planned(id, salt));
        for blob in 0..LAYERS {
            let digest = digest(id, blob, salt);
            events.push(Event::BlobStarted {
                job,
                digest: digest.clone(),
                offset: 0,
            });
            events.push(Event::Progress {
                blobs: vec![BlobProgress {
                    job,
                    attempt: Attempt(1),
                    digest: digest.clone(),
                    done: 1 << 19,
                }],
            });
            events.push(Event::BlobSettled {
                job,
                digest,
                bytes: 1 << 20,
                how: Settled::Copied,
            });
        }
        let root = digest(id, 99, salt);
        events.push(Event::JobFinished {
            job,
            outcome: Outcome::Copied { root },
        });
    }
    apply(screen, events)
}

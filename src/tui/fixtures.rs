//! Builders of events and models for tests.

use std::{ops::Range, sync::Arc, time::Duration};

use jiff::Timestamp;
use ratatui::layout::Size;

use super::{
    Options, bindings,
    model::{Effect, Model, Msg},
    theme::Theme,
    update::update,
};
use crate::{
    batch::{
        Attempt, BatchId, BlobKind, BlobProgress, Event, Failure, FailureClass, Job, JobId, Millis,
        Outcome, PlannedBlob, PlannedManifest, QueueReason, Settled, Side, SkipReason, TimedEvent,
    },
    oci::{CopyEngine, CopySpec, Digest, MediaType},
    present::Glyphs,
};

pub const MIB: u64 = 1024 * 1024;

pub fn batch_started(list: &str, jobs: u32) -> Event {
    Event::BatchStarted {
        batch: BatchId("b7".into()),
        list: list.into(),
        jobs,
        parallel: 4,
        resumed: false,
    }
}

pub fn job(id: u32, source: &str, destination: &str) -> Event {
    Event::JobListed {
        job: Box::new(Job {
            id: JobId(id),
            spec: CopySpec::new(source.parse().unwrap(), destination.parse().unwrap()),
        }),
    }
}

/// A batch of `jobs` images `a.example/team/app-N:1`.
pub fn listed(jobs: u32) -> Vec<Event> {
    let mut events = vec![batch_started("prod.toml", jobs)];
    events.extend((0..jobs).map(|id| {
        job(
            id,
            &format!("a.example/team/app-{id}:1"),
            &format!("b.example/team/app-{id}:1"),
        )
    }));
    events
}

/// Gives an image of a list to skopeo.
pub fn by_skopeo(mut listed: Event) -> Event {
    if let Event::JobListed { job } = &mut listed {
        job.spec.engine = CopyEngine::Skopeo;
    }
    listed
}

pub fn method_selected(job: u32) -> Event {
    Event::MethodSelected {
        job: JobId(job),
        method: "skopeo 1.9.3 in container skopeo-service (podman)".into(),
    }
}

pub fn started(job: u32, attempt: u16) -> Event {
    Event::JobStarted {
        job: JobId(job),
        attempt: Attempt(attempt),
    }
}

pub fn digest(job: u32, blob: usize) -> Digest {
    Digest::of(format!("{job}/{blob}").as_bytes())
}

/// The first blob is the config when there is more than one.
pub fn planned(job: u32, sizes: &[u64]) -> Event {
    let blobs = sizes.iter().enumerate().map(|(blob, size)| PlannedBlob {
        digest: digest(job, blob),
        size: *size,
        kind: match blob == 0 && sizes.len() > 1 {
            true => BlobKind::Config,
            false => BlobKind::Layer,
        },
        media_type: Some(MediaType::new(match blob == 0 && sizes.len() > 1 {
            true => MediaType::OCI_CONFIG,
            false => MediaType::OCI_LAYER_GZIP,
        })),
    });
    Event::JobPlanned {
        job: JobId(job),
        root: Digest::of(b"root"),
        manifests: vec![manifest(MediaType::OCI_MANIFEST, None, 0..sizes.len())],
        blobs: blobs.collect(),
        replaces: None,
    }
}

fn manifest(media_type: &str, place: Option<(u32, &str)>, blobs: Range<usize>) -> PlannedManifest {
    PlannedManifest {
        digest: Digest::of(format!("{media_type} {place:?}").as_bytes()),
        media_type: MediaType::new(media_type),
        size: 1234,
        platform: place.map(|(_, platform)| platform.parse().unwrap()),
        parent: place.map(|(parent, _)| parent),
        blobs: blobs.map(|blob| blob as u32).collect(),
    }
}

/// An index of two platforms, each with a config, a layer of its own, and a layer both share.
pub fn planned_index(job: u32) -> Event {
    let Event::JobPlanned {
        job, root, blobs, ..
    } = planned(job, &[2_000, 9 * MIB, 30 * MIB, 8 * MIB, 2_100])
    else {
        unreachable!("`planned` makes `JobPlanned`");
    };
    let amd64 = manifest(MediaType::OCI_MANIFEST, Some((0, "linux/amd64")), 0..3);
    let arm64 = manifest(MediaType::OCI_MANIFEST, Some((0, "linux/arm64")), 2..5);
    Event::JobPlanned {
        job,
        root,
        manifests: vec![manifest(MediaType::OCI_INDEX, None, 0..0), amd64, arm64],
        blobs,
        replaces: None,
    }
}

pub fn blob_started(job: u32, blob: usize, offset: u64) -> Event {
    Event::BlobStarted {
        job: JobId(job),
        digest: digest(job, blob),
        offset,
    }
}

pub fn blob_waited(job: u32, blob: usize, owner: u32) -> Event {
    Event::BlobWaited {
        job: JobId(job),
        digest: digest(job, blob),
        owner: JobId(owner),
    }
}

pub fn progress(job: u32, attempt: u16, blob: usize, done: u64) -> Event {
    Event::Progress {
        blobs: vec![BlobProgress {
            job: JobId(job),
            attempt: Attempt(attempt),
            digest: digest(job, blob),
            done,
        }],
    }
}

pub fn settled(job: u32, blob: usize, how: Settled) -> Event {
    Event::BlobSettled {
        job: JobId(job),
        digest: digest(job, blob),
        bytes: 0,
        how,
    }
}

pub fn mounted(job: u32, blob: usize) -> Event {
    let from = "team/base".parse().unwrap();
    settled(job, blob, Settled::Mounted { from })
}

pub fn failure(side: Side, class: FailureClass, summary: &str) -> Failure {
    Failure {
        side,
        class,
        summary: summary.into(),
        chain: Vec::new(),
    }
}

pub fn retry_scheduled(job: u32, attempt: u16, summary: &str) -> Event {
    let class = FailureClass::Transient {
        retry_after_ms: None,
    };
    Event::JobRetryScheduled {
        job: JobId(job),
        attempt: Attempt(attempt),
        delay_ms: Millis(12_000),
        cause: failure(Side::Source, class, summary),
    }
}

pub fn failed(job: u32, summary: &str) -> Event {
    let cause = failure(Side::Source, FailureClass::Auth, summary);
    finished(job, Outcome::Failed { cause })
}

/// The preflight of an image: the sizes of its blobs, and which of them the destination has.
pub fn preflighted(job: u32, sizes: &[u64], present: &[usize]) -> Vec<Event> {
    let mut events = vec![started(job, 1), planned(job, sizes)];
    events.extend((present.iter()).map(|blob| settled(job, *blob, Settled::Present)));
    events.push(Event::JobQueued {
        job: JobId(job),
        why: QueueReason::Planned,
    });
    events
}

/// The preflight of an image whose destination tag names another one.
pub fn replacing(job: u32, sizes: &[u64]) -> Vec<Event> {
    let mut events = preflighted(job, sizes, &[]);
    for event in &mut events {
        if let Event::JobPlanned { replaces, .. } = event {
            *replaces = Some(digest(job, 99));
        }
    }
    events
}

pub fn kept(job: u32) -> Event {
    let there = digest(job, 99);
    let why = SkipReason::Kept { there };
    finished(job, Outcome::Skipped { why })
}

pub fn copied(job: u32) -> Event {
    let root = Digest::of(b"root");
    finished(job, Outcome::Copied { root })
}

pub fn skipped(job: u32) -> Event {
    let why = SkipReason::User;
    finished(job, Outcome::Skipped { why })
}

pub fn finished(job: u32, outcome: Outcome) -> Event {
    Event::JobFinished {
        job: JobId(job),
        outcome,
    }
}

/// A dark terminal with all glyphs.
pub fn options() -> Options {
    Options {
        theme: Theme::Dark,
        glyphs: Glyphs::UNICODE,
        attempts: Some(5),
        ..Options::detect(|_| None)
    }
}

/// A model of 120x40 cells after `events`.
pub fn model(events: impl IntoIterator<Item = Event>) -> Model {
    sized(120, 40, events)
}

pub fn sized(width: u16, height: u16, events: impl IntoIterator<Item = Event>) -> Model {
    let mut model = Model::new(options());
    update(&mut model, Msg::Resized(Size { width, height }));
    tell(&mut model, events);
    model
}

pub fn tell(model: &mut Model, events: impl IntoIterator<Item = Event>) -> Vec<Effect> {
    let mut effects = Vec::new();
    for event in events {
        effects.extend(update(model, Msg::Event(timed(model, event))));
    }
    effects
}

/// An event that is emitted now.
pub fn timed(model: &Model, event: Event) -> Arc<TimedEvent> {
    let at = Timestamp::UNIX_EPOCH + model.now;
    Arc::new(TimedEvent { at, event })
}

pub fn tick(model: &mut Model, seconds: u64) {
    update(model, Msg::Tick(Duration::from_secs(seconds)));
}

/// Presses keys, written as in the key table and separated by spaces.
pub fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for key in keys.split(' ') {
        effects.extend(update(model, Msg::Key(bindings::event(key).unwrap())));
    }
    effects
}

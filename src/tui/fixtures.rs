//! Builders of events and models for the tests of this layer.

use std::{sync::Arc, time::Duration};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Size;

use super::{
    Options,
    model::{Effect, Model, Msg},
    theme::Theme,
    update::update,
};
use crate::{
    batch::{
        Attempt, BatchId, BlobKind, BlobProgress, Event, Failure, FailureClass, Job, JobId, Millis,
        Outcome, PlannedBlob, Settled, Side, SkipReason,
    },
    oci::Digest,
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
        job: Job {
            id: JobId(id),
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            platforms: Vec::new(),
            attachments: Default::default(),
        },
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
    });
    Event::JobPlanned {
        job: JobId(job),
        root: Digest::of(b"root"),
        blobs: blobs.collect(),
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

/// A model of 120x40 cells that saw `events`.
pub fn model(events: impl IntoIterator<Item = Event>) -> Model {
    sized(120, 40, events)
}

pub fn sized(width: u16, height: u16, events: impl IntoIterator<Item = Event>) -> Model {
    let mut model = Model::new(Options {
        theme: Theme::Ansi,
        glyphs: Glyphs::UNICODE,
        attempts: Some(5),
    });
    update(&mut model, Msg::Resized(Size { width, height }));
    tell(&mut model, events);
    model
}

pub fn tell(model: &mut Model, events: impl IntoIterator<Item = Event>) -> Vec<Effect> {
    let mut effects = Vec::new();
    for event in events {
        effects.extend(update(model, Msg::Event(Arc::new(event))));
    }
    effects
}

pub fn tick(model: &mut Model, seconds: u64) {
    update(model, Msg::Tick(Duration::from_secs(seconds)));
}

/// Presses keys, written as in the key table and separated by spaces.
pub fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for key in keys.split(' ') {
        effects.extend(update(model, Msg::Key(event(key))));
    }
    effects
}

pub fn event(key: &str) -> KeyEvent {
    let (modifiers, key) = match key.strip_prefix("ctrl-") {
        Some(key) => (KeyModifiers::CONTROL, key),
        None => (KeyModifiers::NONE, key),
    };
    let code = match key {
        "space" => KeyCode::Char(' '),
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "pgup" => KeyCode::PageUp,
        "pgdn" => KeyCode::PageDown,
        "tab" => KeyCode::Tab,
        "shift-tab" => KeyCode::BackTab,
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "backspace" => KeyCode::Backspace,
        _ => KeyCode::Char(key.chars().next().unwrap()),
    };
    KeyEvent::new(code, modifiers)
}

//! What the attempts of one image took: time and bytes.
//!
//! Decides how events add up, over retries and resumed runs. Bytes that an attempt moved before its process was killed
//! count as present in the next one. Invariant: `copied`, `mounted` and `present` together are at most `size`, where
//! that is known.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::batch::{Event, Millis, QueueReason, Settled};

/// The sums over all attempts of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// When the first attempt started.
    pub started: Option<Timestamp>,
    /// When the last attempt ended; absent while one runs.
    pub ended: Option<Timestamp>,
    /// The time in attempts, without the waits between them.
    #[serde(rename = "busy_ms")]
    pub busy: Millis,
    /// Bytes of all its blobs; absent if its manifests were not read.
    pub size: Option<u64>,
    /// Bytes that were moved to the destination.
    pub copied: u64,
    /// Bytes that the destination took from another of its repositories.
    pub mounted: u64,
    /// Bytes that the destination had already.
    pub present: u64,
}

/// The figures of an image whose events are still coming.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Running {
    figures: Figures,
    /// When the running attempt started.
    since: Option<Timestamp>,
}

impl Figures {
    /// How long its attempts took.
    #[must_use]
    pub fn busy(&self) -> Duration {
        self.busy.into()
    }

    /// Bytes moved per second of its attempts.
    #[must_use]
    pub fn speed(&self) -> Option<u64> {
        let speed = u128::from(self.copied) * 1000;
        let speed = speed.checked_div(u128::from(self.busy.0))?;
        u64::try_from(speed).ok().filter(|speed| *speed > 0)
    }
}

impl Running {
    pub(super) fn of(figures: Figures) -> Self {
        Self {
            figures,
            since: None,
        }
    }

    /// The figures so far; absent before the first attempt.
    pub(super) fn figures(&self) -> Option<Figures> {
        let figures = self.figures;
        let most = figures.size.map_or(u64::MAX, |size| {
            size.saturating_sub(figures.copied.saturating_add(figures.mounted))
        });
        figures.started.map(|_| Figures {
            present: figures.present.min(most),
            ..figures
        })
    }

    /// Applies an event about this image.
    pub(super) fn apply(&mut self, event: &Event, at: Timestamp) {
        // Finer times say nothing.
        let at = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
        let figures = &mut self.figures;
        match event {
            Event::JobStarted { .. } => {
                figures.started.get_or_insert(at);
                figures.ended = None;
                self.since = Some(at);
            }
            Event::JobPlanned { blobs, .. } => {
                let sizes = blobs.iter().map(|blob| blob.size);
                figures.size = Some(sizes.fold(0, u64::saturating_add));
                // This attempt reports everything that is there.
                figures.present = 0;
            }
            Event::BlobSettled { bytes, how, .. } => {
                let sum = match how {
                    Settled::Copied => &mut figures.copied,
                    Settled::Mounted { .. } => &mut figures.mounted,
                    Settled::Present => &mut figures.present,
                };
                *sum = sum.saturating_add(*bytes);
            }
            // A preflight is no attempt.
            Event::JobQueued {
                why: QueueReason::Planned,
                ..
            } => *self = Self::default(),
            Event::JobQueued { .. }
            | Event::JobRetryScheduled { .. }
            | Event::JobStaged { .. }
            | Event::JobFinished { .. } => {
                if let Some(since) = self.since.take() {
                    let took = Duration::try_from(at.duration_since(since)).unwrap_or_default();
                    figures.busy.0 = figures.busy.0.saturating_add(Millis::from(took).0);
                    figures.ended = Some(at);
                }
            }
            Event::BatchStarted { .. }
            | Event::JobListed { .. }
            | Event::JobRestored { .. }
            | Event::ReviewStarted
            | Event::ReviewEnded
            | Event::JobPrioritized { .. }
            | Event::MethodSelected { .. }
            | Event::BlobWaited { .. }
            | Event::BlobStarted { .. }
            | Event::Progress { .. }
            | Event::RegistriesSampled { .. }
            | Event::Noted { .. }
            | Event::BatchPaused
            | Event::BatchResumed
            | Event::ParallelChanged { .. }
            | Event::LimitChanged { .. }
            | Event::StopRequested { .. }
            | Event::CommandRefused { .. }
            | Event::BatchFinished { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::{Attempt, BlobKind, JobId, Outcome, PlannedBlob, SkipReason},
        oci::Digest,
    };

    const JOB: JobId = JobId(0);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_271_400 + second).unwrap()
    }

    fn started() -> Event {
        Event::JobStarted {
            job: JOB,
            attempt: Attempt(1),
        }
    }

    fn planned(sizes: &[u64]) -> Event {
        let blob = |(number, size): (u8, &u64)| PlannedBlob {
            digest: Digest::of(&[number]),
            size: *size,
            kind: BlobKind::Layer,
            media_type: None,
        };
        Event::JobPlanned {
            job: JOB,
            root: Digest::of(b"root"),
            manifests: Vec::new(),
            blobs: (0..).zip(sizes).map(blob).collect(),
            replaces: None,
        }
    }

    fn settled(bytes: u64, how: Settled) -> Event {
        Event::BlobSettled {
            job: JOB,
            digest: Digest::of(b"blob"),
            bytes,
            how,
        }
    }

    fn queued(why: QueueReason) -> Event {
        Event::JobQueued { job: JOB, why }
    }

    fn finished() -> Event {
        Event::JobFinished {
            job: JOB,
            outcome: Outcome::Copied {
                root: Digest::of(b"root"),
            },
        }
    }

    fn folded(events: &[(i64, Event)]) -> Running {
        let mut running = Running::default();
        for (second, event) in events {
            running.apply(event, at(*second));
        }
        running
    }

    #[test]
    fn attempts_add_up_without_the_wait_between_them() {
        let figures = folded(&[
            (0, started()),
            (0, planned(&[40, 10])),
            (3, settled(40, Settled::Copied)),
            (5, queued(QueueReason::Stopped)),
            (60, started()),
            (60, planned(&[40, 10])),
            (60, settled(40, Settled::Present)),
            (64, settled(10, Settled::Copied)),
            (65, finished()),
        ]);
        let expected = Figures {
            started: Some(at(0)),
            ended: Some(at(65)),
            busy: Millis(10_000),
            size: Some(50),
            copied: 50,
            mounted: 0,
            present: 0,
        };
        assert_eq!(figures.figures(), Some(expected));
        assert_eq!(expected.speed(), Some(5));
    }

    #[test]
    fn what_was_there_is_counted_as_the_last_attempt_found_it() {
        let attempt = || {
            [
                (0, started()),
                (0, planned(&[40, 10])),
                (1, settled(40, Settled::Present)),
                (2, queued(QueueReason::Stopped)),
            ]
        };
        let running = folded(&[attempt(), attempt()].concat());
        assert_eq!(running.figures().unwrap().present, 40);
    }

    #[test]
    fn a_preflight_is_no_attempt() {
        let preflight = [
            (0, started()),
            (0, planned(&[40])),
            (1, settled(40, Settled::Present)),
            (2, queued(QueueReason::Planned)),
        ];
        assert_eq!(folded(&preflight).figures(), None);
    }

    #[test]
    fn an_image_that_never_started_has_no_figures() {
        let skipped = Event::JobFinished {
            job: JOB,
            outcome: Outcome::Skipped {
                why: SkipReason::User,
            },
        };
        assert_eq!(folded(&[(0, skipped)]).figures(), None);
    }
}

//! Log lines: the text of events.
//!
//! Decides which events have a line; samples and events of single blobs have none. A line starts with the image's
//! reference, so that it can be searched for.

use std::time::Duration;

use super::{
    bytes, count,
    image_lines::{copied, planned, replacing, skipped, staged},
    last_failure, precise_duration,
    refusals::refusal,
    retry, sanitize, summary,
};
use crate::batch::{
    Board, Event, JobId, Outcome, QueueReason, RegistryLimit, StopMode, StopReason,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// An expected step.
    Info,
    /// An image is at its destination.
    Good,
    /// A problem that may be solved automatically.
    Warning,
    /// A final failure.
    Error,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    pub level: Level,
    pub job: Option<JobId>,
    /// Sanitized text without the image's name.
    pub text: String,
}

impl Sentence {
    /// The whole line, starting with the image.
    #[must_use]
    pub fn line(&self, board: &Board) -> String {
        match self.job.and_then(|job| board.job(job)) {
            Some(view) => format!("{}: {}", view.job.spec.source, self.text),
            None => self.text.clone(),
        }
    }
}

/// The line of `event`, if it has one; `board` is the state after it, `attempts` the number an image may have, `took` the
/// time of the attempt that ends with it, where that is said.
#[must_use]
pub fn sentence(
    event: &Event,
    board: &Board,
    attempts: Option<u16>,
    took: Option<Duration>,
) -> Option<Sentence> {
    let about = |job: JobId, level, text: String| {
        Some(Sentence {
            level,
            job: Some(job),
            text,
        })
    };
    let batch = |level, text: String| {
        Some(Sentence {
            level,
            job: None,
            text,
        })
    };
    match event {
        Event::BatchStarted {
            batch: id,
            list,
            jobs,
            resumed,
            ..
        } => {
            let verb = if *resumed { "resumed" } else { "started" };
            let images = count(*jobs as usize, "image");
            batch(
                Level::Info,
                format!(
                    "batch {} {verb}: {images} of {}",
                    sanitize(&id.0),
                    sanitize(list)
                ),
            )
        }
        Event::JobQueued { job, why } => match why {
            QueueReason::User => about(*job, Level::Info, "queued again".into()),
            QueueReason::Planned => {
                let view = board.job(*job);
                about(
                    *job,
                    Level::Info,
                    replacing(planned(view), "replaces", view),
                )
            }
            QueueReason::Listed
            | QueueReason::Resumed
            | QueueReason::RetryDue
            | QueueReason::Stopped
            | QueueReason::Released => None,
        },
        Event::ReviewStarted => batch(
            Level::Info,
            "reviewing: every image is planned, none is copied yet".into(),
        ),
        Event::ReviewEnded => batch(Level::Info, "the review has ended; copying starts".into()),
        Event::JobPrioritized { job } => about(*job, Level::Info, "moved to the front".into()),
        // A preflight has one line, for its result.
        Event::JobStarted { .. } if board.is_reviewing() => None,
        Event::JobStarted { job, .. } if is_staged(board, *job) => {
            about(*job, Level::Info, "writing its tag".into())
        }
        Event::JobStarted { job, attempt } if attempt.0 > 1 => {
            about(*job, Level::Info, format!("started, attempt {}", attempt.0))
        }
        Event::JobStarted { job, .. } => about(*job, Level::Info, "started".into()),
        Event::JobRetryScheduled {
            job,
            attempt,
            delay_ms,
            cause,
        } => about(
            *job,
            Level::Warning,
            retry(cause, Duration::from(*delay_ms), *attempt, attempts),
        ),
        Event::JobStaged { job, .. } => about(*job, Level::Info, staged(board.job(*job))),
        Event::JobFinished { job, outcome } => {
            let (level, text) = match outcome {
                Outcome::Copied { .. } => {
                    let job = board.job(*job);
                    (Level::Good, replacing(copied(job, took), "replaced", job))
                }
                Outcome::UpToDate { .. } => (Level::Good, "up to date".into()),
                Outcome::Failed { cause } => {
                    let after = took.map(precise_duration);
                    let after = after.map_or_else(String::new, |took| format!(" after {took}"));
                    (
                        Level::Error,
                        format!("failed{after}: {}", last_failure(cause)),
                    )
                }
                Outcome::Skipped { why } => (Level::Info, skipped(why)),
            };
            about(*job, level, text)
        }
        Event::MethodSelected { job, method } => {
            about(*job, Level::Info, format!("uses {}", sanitize(method)))
        }
        Event::Noted { job, text } => Some(Sentence {
            // Notes about the whole batch concern the journal, or a store that is written at its end.
            level: match job {
                Some(_) => Level::Info,
                None => Level::Warning,
            },
            job: *job,
            text: sanitize(text).into_owned(),
        }),
        Event::BatchPaused => batch(
            Level::Warning,
            "paused: images in flight continue, no new one starts".into(),
        ),
        Event::BatchResumed => batch(Level::Info, "no longer paused".into()),
        Event::ParallelChanged { images } => batch(
            Level::Info,
            format!("{} at once", count(usize::from(*images), "image")),
        ),
        Event::LimitChanged { registry, limit } => {
            batch(Level::Info, format!("{registry}: {}", limited(*limit)))
        }
        Event::StopRequested { mode } => batch(
            Level::Warning,
            match mode {
                StopMode::Drain => "draining: images in flight finish, no new one starts",
                StopMode::Now => "stopping now",
                StopMode::Cancel => "the drain is cancelled",
            }
            .into(),
        ),
        Event::CommandRefused { command, why } => {
            batch(Level::Warning, refusal(command, *why, board))
        }
        Event::BatchFinished { stopped_by } => batch(
            if stopped_by.is_some() || board.counts().failed > 0 {
                Level::Warning
            } else {
                Level::Good
            },
            match stopped_by {
                None => format!("batch finished: {}", summary::outcome_counts(board)),
                Some(StopReason::User | StopReason::Signal) => {
                    format!("batch stopped: {}", summary::outcome_counts(board))
                }
                Some(StopReason::Reviewed) => {
                    format!("batch reviewed: {}", summary::outcome_counts(board))
                }
                Some(StopReason::Unfinished) => {
                    "batch stopped: a destination could not be written completely".into()
                }
                Some(StopReason::JournalLost) => {
                    "batch stopped: its journal can no longer be written".into()
                }
            },
        ),
        Event::JobListed { .. }
        | Event::JobRestored { .. }
        | Event::JobPlanned { .. }
        | Event::BlobWaited { .. }
        | Event::BlobStarted { .. }
        | Event::BlobSettled { .. }
        | Event::Progress { .. }
        | Event::RegistriesSampled { .. } => None,
    }
}

/// The new limit of a registry.
fn limited(limit: RegistryLimit) -> String {
    match limit {
        RegistryLimit::Streams(streams) => {
            format!("at most {}", count(usize::from(streams), "stream"))
        }
        RegistryLimit::RequestsPerSecond(Some(rate)) => format!("at most {rate} requests a second"),
        RegistryLimit::RequestsPerSecond(None) => "no limit of requests a second".into(),
        RegistryLimit::BytesPerSecond(Some(rate)) => format!("at most {} a second", bytes(rate)),
        RegistryLimit::BytesPerSecond(None) => "no limit of bytes a second".into(),
    }
}

/// Whether the attempt of an image writes its tag alone.
fn is_staged(board: &Board, job: JobId) -> bool {
    board.job(job).is_some_and(|view| view.staged.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{
        Attempt, Command, CommandRefusal, Failure, FailureClass, Job, Millis, Selection, Side,
    };

    fn board() -> Board {
        let mut board = Board::default();
        board.apply(&Event::JobListed {
            job: Box::new(Job {
                id: JobId(0),
                spec: crate::oci::CopySpec::new(
                    "a.example/team/api:1".parse().unwrap(),
                    "b.example/team/api:1".parse().unwrap(),
                ),
            }),
        });
        board
    }

    fn line(event: &Event) -> String {
        let mut board = board();
        board.apply(event);
        sentence(event, &board, Some(5), None).unwrap().line(&board)
    }

    #[test]
    fn a_retry_names_the_image_the_cause_and_the_next_step() {
        let event = Event::JobRetryScheduled {
            job: JobId(0),
            attempt: Attempt(1),
            delay_ms: Millis(12_000),
            cause: Failure {
                side: Side::Source,
                class: FailureClass::Transient {
                    retry_after_ms: None,
                },
                summary: "said 429".into(),
                chain: Vec::new(),
            },
        };
        assert_eq!(
            line(&event),
            "a.example/team/api:1: source said 429; retrying in 12 s (2 of 5)"
        );
    }

    #[test]
    fn a_refused_command_says_why() {
        let event = Event::CommandRefused {
            command: Command::Retry {
                jobs: Selection::Jobs([JobId(0)].into()),
            },
            why: CommandRefusal::NothingToDo,
        };
        assert_eq!(
            line(&event),
            "nothing to retry: a.example/team/api:1 is queued"
        );
    }

    #[test]
    fn a_line_says_which_program_copies_an_image() {
        let event = Event::MethodSelected {
            job: JobId(0),
            method: "skopeo 1.9.3 (/usr/bin/\x1bskopeo)".into(),
        };
        let expected = "a.example/team/api:1: uses skopeo 1.9.3 (/usr/bin/\u{fffd}skopeo)";
        assert_eq!(line(&event), expected);
    }

    #[test]
    fn notes_cannot_control_the_terminal() {
        let event = Event::Noted {
            job: None,
            text: "a\x1b[1mb\nc".into(),
        };
        assert_eq!(line(&event), "a�[1mb c");
    }
}

//! One line for each event worth a line: what a log shows.
//!
//! Decides which events are told and how; samples and single blobs are not. The job's reference leads, so
//! that a line can be searched for it.

use std::time::Duration;

use super::{bytes, count, last_failure, retry, sanitize, summary};
use crate::batch::{
    BlobState, Board, Command, CommandRefusal, Event, JobId, JobView, Outcome, QueueReason,
    RegistryLimit, Selection, Settled, SkipReason, StopMode, StopReason,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Expected steps on the way.
    Info,
    /// An image is where it should be.
    Good,
    /// Went wrong, and is being dealt with.
    Warning,
    /// Went wrong, and stays so.
    Error,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    pub level: Level,
    pub job: Option<JobId>,
    /// Plain text without the job's name.
    pub text: String,
}

impl Sentence {
    /// The whole line: the image it is about, then what happened.
    #[must_use]
    pub fn line(&self, board: &Board) -> String {
        match self.job.and_then(|job| board.job(job)) {
            Some(view) => format!("{}: {}", view.job.source, self.text),
            None => self.text.clone(),
        }
    }
}

/// What `event` reads like; `board` is the state after it, `attempts` how many an image may have.
#[must_use]
pub fn sentence(event: &Event, board: &Board, attempts: Option<u16>) -> Option<Sentence> {
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
            | QueueReason::Stopped => None,
        },
        Event::ReviewStarted => batch(
            Level::Info,
            "reviewing: every image is looked at, none is copied yet".into(),
        ),
        Event::ReviewEnded => batch(Level::Info, "the review has ended: copying".into()),
        Event::JobPrioritized { job } => about(*job, Level::Info, "moved to the front".into()),
        // What a look at an image found is told, not that it began.
        Event::JobStarted { .. } if board.is_reviewing() => None,
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
        Event::JobFinished { job, outcome } => {
            let (level, text) = match outcome {
                Outcome::Copied { .. } => {
                    let job = board.job(*job);
                    (Level::Good, replacing(copied(job), "replaced", job))
                }
                Outcome::UpToDate { .. } => (Level::Good, "up to date".into()),
                Outcome::Failed { cause } => {
                    (Level::Error, format!("failed: {}", last_failure(cause)))
                }
                Outcome::Skipped { why } => (Level::Info, skipped(why)),
            };
            about(*job, level, text)
        }
        Event::Noted { job, text } => Some(Sentence {
            // What is noted of a whole batch is about the journal.
            level: match job {
                Some(_) => Level::Info,
                None => Level::Warning,
            },
            job: *job,
            text: sanitize(text).into_owned(),
        }),
        Event::BatchPaused => batch(
            Level::Warning,
            "paused: images in flight go on, no other starts".into(),
        ),
        Event::BatchResumed => batch(Level::Info, "going on".into()),
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
                StopMode::Drain => "draining: images in flight are finished, no other starts",
                StopMode::Now => "stopping now",
                StopMode::Cancel => "going on: the drain was taken back",
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

/// What a registry is given from now on.
fn limited(limit: RegistryLimit) -> String {
    match limit {
        RegistryLimit::Streams(streams) => {
            format!("at most {}", count(usize::from(streams), "stream"))
        }
        RegistryLimit::RequestsPerSecond(Some(rate)) => format!("at most {rate} requests a second"),
        RegistryLimit::RequestsPerSecond(None) => "as many requests a second as it takes".into(),
        RegistryLimit::BytesPerSecond(Some(rate)) => format!("at most {} a second", bytes(rate)),
        RegistryLimit::BytesPerSecond(None) => "as many bytes a second as it takes".into(),
    }
}

/// How much of a copied image was sent, and how much was spared.
fn copied(job: Option<&JobView>) -> String {
    let Some(job) = job.filter(|job| !job.blobs.is_empty()) else {
        return "copied".into();
    };
    let (mut sent, mut spared) = (0, 0);
    for blob in &job.blobs {
        match blob.state {
            BlobState::Settled(Settled::Copied) => sent += blob.size,
            BlobState::Settled(Settled::Mounted { .. } | Settled::Present) => spared += blob.size,
            BlobState::Pending | BlobState::WaitingFor(_) | BlobState::Copying { .. } => {}
        }
    }
    match spared {
        0 => format!("copied, {}", bytes(sent)),
        _ => format!(
            "copied, {} sent, {} already there",
            bytes(sent),
            bytes(spared)
        ),
    }
}

/// Why an image was left out.
fn skipped(why: &SkipReason) -> String {
    match why {
        SkipReason::User => "skipped".into(),
        SkipReason::Kept { there } => format!("kept: the destination has {there}"),
    }
}

/// `text`, and what the destination tag named before.
fn replacing(text: String, verb: &str, job: Option<&JobView>) -> String {
    match job.and_then(|job| job.replaces.as_ref()) {
        Some(digest) => format!("{text}; {verb} {digest}"),
        None => text,
    }
}

/// What copying an image would take, seen for itself.
fn planned(job: Option<&JobView>) -> String {
    let (mut missing, mut there) = (0, 0);
    for blob in job.into_iter().flat_map(|job| &job.blobs) {
        match blob.state {
            BlobState::Settled(_) => there += blob.size,
            BlobState::Pending | BlobState::WaitingFor(_) | BlobState::Copying { .. } => {
                missing += blob.size;
            }
        }
    }
    match there {
        0 => format!("planned, {}", bytes(missing)),
        _ => format!(
            "planned, {} missing, {} already there",
            bytes(missing),
            bytes(there)
        ),
    }
}

/// Why a command did nothing, with the state that made it so when it was about one image.
fn refusal(command: &Command, why: CommandRefusal, board: &Board) -> String {
    if why == CommandRefusal::BatchFinished {
        return "the batch is finished".into();
    }
    let (verb, jobs) = match command {
        Command::Retry { jobs } => ("retry", jobs),
        Command::Skip { jobs } => ("skip", jobs),
        Command::Unskip { jobs } => ("take back", jobs),
        Command::Prioritize { jobs } => ("move to the front", jobs),
        Command::Begin => return "no review goes on".into(),
        Command::Pause => return "already paused".into(),
        Command::Resume => return "not paused".into(),
        Command::SetParallel { images } => {
            return format!("{} at once already", count(usize::from(*images), "image"));
        }
        Command::SetLimit { limit, .. } if limit.is_zero() => {
            return "a limit is at least 1".into();
        }
        Command::SetLimit { registry, .. } => {
            return format!("{registry} takes no part in this batch");
        }
        Command::Stop { mode } => {
            return match mode {
                StopMode::Drain => "already draining".into(),
                StopMode::Now => "already stopping".into(),
                StopMode::Cancel => "no drain to take back".into(),
            };
        }
    };
    let one = match jobs {
        Selection::Jobs(jobs) if jobs.len() == 1 => jobs.first(),
        Selection::Jobs(_) | Selection::AllFailed => None,
    };
    match one.and_then(|job| board.job(*job)) {
        Some(view) => format!(
            "nothing to {verb}: {} is {}",
            view.job.source,
            super::phase(view).name()
        ),
        None if *jobs == Selection::AllFailed => "no image failed".into(),
        None => format!("nothing to {verb} among these images"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Attempt, Failure, FailureClass, Job, Millis, Side};

    fn board() -> Board {
        let mut board = Board::default();
        board.apply(&Event::JobListed {
            job: Job {
                id: JobId(0),
                source: "a.example/team/api:1".parse().unwrap(),
                destination: "b.example/team/api:1".parse().unwrap(),
                platforms: Vec::new(),
                attachments: Default::default(),
                on_existing: Default::default(),
            },
        });
        board
    }

    fn line(event: &Event) -> String {
        let mut board = board();
        board.apply(event);
        sentence(event, &board, Some(5)).unwrap().line(&board)
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
            "a.example/team/api:1: source said 429; trying again in 12 s (2 of 5)"
        );
    }

    #[test]
    fn a_refused_command_says_what_stands_against_it() {
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
    fn notes_cannot_steer_the_terminal() {
        let event = Event::Noted {
            job: None,
            text: "a\x1b[1mb\nc".into(),
        };
        assert_eq!(line(&event), "a�[1mb c");
    }
}

//! A worker: copies one image, or looks at it, and passes on what the engine says, stamped with job and attempt.
//!
//! Invariant: a worker's last word is how it ended, also when it panicked.

use std::sync::Arc;

use tokio::{
    sync::mpsc::UnboundedSender,
    task::{AbortHandle, JoinSet},
};

use crate::{
    batch::{Attempt, Failure, FailureClass, Job, JobId, Outcome, Side, SkipReason},
    copy::{Done, Engine, ImageId, Order, Report, Surveyed},
    oci::Digest,
};

/// What a worker says, and which attempt says it.
pub(super) struct Word {
    pub job: JobId,
    pub attempt: Attempt,
    pub said: Said,
}

pub(super) enum Said {
    Report(Report),
    Ended(Outcome),
    /// What copying the image takes was found out and reported.
    Surveyed,
}

/// What a worker is to do with its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Copy,
    Survey,
}

/// Starts a task on `job`. Words go to `words`, which is unbounded because a copy says a handful of them per
/// blob and none per byte.
pub(super) fn start(
    workers: &mut JoinSet<()>,
    engine: &Arc<Engine>,
    job: &Job,
    attempt: Attempt,
    task: Task,
    words: &UnboundedSender<Word>,
) -> AbortHandle {
    let order = Order {
        image: ImageId(job.id.0),
        source: job.source.clone(),
        destination: job.destination.clone(),
        platforms: job.platforms.clone(),
        attachments: job.attachments,
        on_existing: job.on_existing,
    };
    let (id, engine, words) = (job.id, Arc::clone(engine), words.clone());
    workers.spawn(async move {
        // The dispatcher outlives its workers; if it is gone there is nobody to tell.
        let say = move |said| {
            let _ = words.send(Word {
                job: id,
                attempt,
                said,
            });
        };
        let mut last_word = LastWord {
            say: &say,
            said: Some(Said::Ended(panicked())),
        };
        let report = |report| say(Said::Report(report));
        let ended = match task {
            Task::Copy => match engine.copy(&order, &report).await {
                Ok(Done::Copied { root }) => Ok(Said::Ended(Outcome::Copied { root })),
                Ok(Done::UpToDate { root }) => Ok(Said::Ended(Outcome::UpToDate { root })),
                Ok(Done::Kept { there }) => Ok(Said::Ended(kept(there))),
                Err(error) => Err(error),
            },
            Task::Survey => match engine.survey(&order, &report).await {
                Ok(Surveyed::UpToDate { root }) => Ok(Said::Ended(Outcome::UpToDate { root })),
                Ok(Surveyed::Kept { there }) => Ok(Said::Ended(kept(there))),
                Ok(Surveyed::Missing) => Ok(Said::Surveyed),
                Err(error) => Err(error),
            },
        };
        last_word.said = Some(ended.unwrap_or_else(|error| {
            let cause = (&error).into();
            Said::Ended(Outcome::Failed { cause })
        }));
    })
}

/// Says how the worker ended when it goes out of scope, however that happens. A cancelled worker says
/// something too; the scheduler knows by then that it does not matter.
struct LastWord<'a, F: Fn(Said)> {
    say: &'a F,
    said: Option<Said>,
}

impl<F: Fn(Said)> Drop for LastWord<'_, F> {
    fn drop(&mut self) {
        if let Some(said) = self.said.take() {
            (self.say)(said);
        }
    }
}

fn kept(there: Digest) -> Outcome {
    let why = SkipReason::Kept { there };
    Outcome::Skipped { why }
}

fn panicked() -> Outcome {
    Outcome::Failed {
        cause: Failure {
            side: Side::Local,
            class: FailureClass::Internal,
            summary: "the copy ended in a bug of transship; its message is on stderr".into(),
            chain: Vec::new(),
        },
    }
}

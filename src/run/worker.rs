//! A worker: copies one image and passes on what the engine says, stamped with job and attempt.
//!
//! Invariant: a worker's last word is how it ended, also when it panicked.

use std::sync::Arc;

use tokio::{
    sync::mpsc::UnboundedSender,
    task::{AbortHandle, JoinSet},
};

use crate::{
    batch::{Attempt, Failure, FailureClass, Job, JobId, Outcome, Side},
    copy::{Done, Engine, ImageId, Order, Report},
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
}

/// Starts copying `job`. Words go to `words`, which is unbounded because a copy says a handful of them per
/// blob and none per byte.
pub(super) fn start(
    workers: &mut JoinSet<()>,
    engine: &Arc<Engine>,
    job: &Job,
    attempt: Attempt,
    words: &UnboundedSender<Word>,
) -> AbortHandle {
    let order = Order {
        image: ImageId(job.id.0),
        source: job.source.clone(),
        destination: job.destination.clone(),
        platforms: job.platforms.clone(),
        attachments: job.attachments,
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
            outcome: Some(panicked()),
        };
        let report = |report| say(Said::Report(report));
        last_word.outcome = Some(match engine.copy(&order, &report).await {
            Ok(Done::Copied { root }) => Outcome::Copied { root },
            Ok(Done::UpToDate { root }) => Outcome::UpToDate { root },
            Err(error) => Outcome::Failed {
                cause: (&error).into(),
            },
        });
    })
}

/// Says how the worker ended when it goes out of scope, however that happens. A cancelled worker says
/// something too; the scheduler knows by then that it does not matter.
struct LastWord<'a, F: Fn(Said)> {
    say: &'a F,
    outcome: Option<Outcome>,
}

impl<F: Fn(Said)> Drop for LastWord<'_, F> {
    fn drop(&mut self) {
        if let Some(outcome) = self.outcome.take() {
            (self.say)(Said::Ended(outcome));
        }
    }
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

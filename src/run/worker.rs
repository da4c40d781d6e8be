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
    copy::{CopyOutcome, Engine, PreflightOutcome, Report},
    oci::Digest,
};

/// What a worker says, and which attempt says it.
pub(super) struct WorkerMessage {
    pub job: JobId,
    pub attempt: Attempt,
    pub body: MessageBody,
}

pub(super) enum MessageBody {
    Report(Report),
    Ended(Outcome),
    /// What copying the image takes was found out and reported.
    PreflightDone,
}

/// What a worker is to do with its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Copy,
    Preflight,
}

/// Starts a task on `job`. Words go to `words`, which is unbounded because a copy says a handful of them per
/// blob and none per byte.
pub(super) fn start(
    workers: &mut JoinSet<()>,
    engine: &Arc<Engine>,
    job: &Job,
    attempt: Attempt,
    task: Task,
    messages: &UnboundedSender<WorkerMessage>,
) -> AbortHandle {
    let (job, engine, messages) = (job.clone(), Arc::clone(engine), messages.clone());
    workers.spawn(async move {
        // The dispatcher outlives its workers; if it is gone there is nobody to tell.
        let send = |body| {
            let _ = messages.send(WorkerMessage {
                job: job.id,
                attempt,
                body,
            });
        };
        let mut report_on_drop = ReportOnDrop {
            send: &send,
            body: Some(MessageBody::Ended(panicked())),
        };
        let report = |report| send(MessageBody::Report(report));
        let ended = match task {
            Task::Copy => match engine.copy(&job, &report).await {
                Ok(CopyOutcome::Copied { root }) => {
                    Ok(MessageBody::Ended(Outcome::Copied { root }))
                }
                Ok(CopyOutcome::UpToDate { root }) => {
                    Ok(MessageBody::Ended(Outcome::UpToDate { root }))
                }
                Ok(CopyOutcome::Kept { there }) => Ok(MessageBody::Ended(kept(there))),
                Err(error) => Err(error),
            },
            Task::Preflight => match engine.preflight(&job, &report).await {
                Ok(PreflightOutcome::UpToDate { root }) => {
                    Ok(MessageBody::Ended(Outcome::UpToDate { root }))
                }
                Ok(PreflightOutcome::Kept { there }) => Ok(MessageBody::Ended(kept(there))),
                Ok(PreflightOutcome::Missing) => Ok(MessageBody::PreflightDone),
                Err(error) => Err(error),
            },
        };
        report_on_drop.body = Some(ended.unwrap_or_else(|error| {
            let cause = (&error).into();
            MessageBody::Ended(Outcome::Failed { cause })
        }));
    })
}

/// Says how the worker ended when it goes out of scope, however that happens. A cancelled worker says
/// something too; the scheduler knows by then that it does not matter.
struct ReportOnDrop<'a, F: Fn(MessageBody)> {
    send: &'a F,
    body: Option<MessageBody>,
}

impl<F: Fn(MessageBody)> Drop for ReportOnDrop<'_, F> {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            (self.send)(body);
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

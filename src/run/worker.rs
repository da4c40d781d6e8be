//! A worker: one attempt at one image, a copy or a preflight. It sends what the engine reports with job and attempt.
//!
//! Invariant: a worker always reports its outcome, even when it panics.

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

/// A message of a worker, and the attempt it is about.
pub(super) struct WorkerMessage {
    pub job: JobId,
    pub attempt: Attempt,
    pub body: MessageBody,
}

pub(super) enum MessageBody {
    Report(Report),
    Ended(Outcome),
    /// The preflight found something to copy, and has reported it.
    PreflightDone,
}

/// What a worker does with its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Copy,
    Preflight,
}

/// Starts a task on `job`. `messages` is unbounded: a copy sends a few per blob and none per byte.
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
        // The receiver is gone only at shutdown; drop the message.
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

/// Sends the outcome when it goes out of scope, however that happens. The scheduler ignores the outcome of a
/// cancelled worker.
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

//! A worker: one attempt at one image, a copy or a preflight. It sends what the engine reports with job and attempt.
//!
//! Invariant: a worker always reports its outcome, even when it panics.

use tokio::{
    sync::mpsc::UnboundedSender,
    task::{AbortHandle, JoinSet},
};

use super::engines::Engines;
use crate::{
    batch::{Attempt, Failure, FailureClass, Job, JobId, Outcome, Side, SkipReason},
    copy::{CopyOutcome, PreflightOutcome, Report},
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
    /// The image is at the destination without its tag.
    Staged(Digest),
}

/// What a worker does with its image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Copy,
    Preflight,
    /// Writes the tag of a staged image.
    Tag(Digest),
}

/// Starts a task on `job`. `messages` is unbounded: a copy sends a few per blob and none per byte.
pub(super) fn start(
    workers: &mut JoinSet<()>,
    engines: &Engines,
    job: &Job,
    attempt: Attempt,
    task: Task,
    messages: &UnboundedSender<WorkerMessage>,
) -> AbortHandle {
    let (job, engines, messages) = (job.clone(), engines.clone(), messages.clone());
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
            Task::Copy => engines.copy(&job, &report).await.map(copied),
            Task::Tag(root) => (engines.tag(&job, &root, &report).await).map(copied),
            Task::Preflight => {
                (engines.preflight(&job, &report).await).map(|outcome| match outcome {
                    PreflightOutcome::UpToDate { root } => {
                        MessageBody::Ended(Outcome::UpToDate { root })
                    }
                    PreflightOutcome::Kept { there } => MessageBody::Ended(kept(there)),
                    PreflightOutcome::Missing => MessageBody::PreflightDone,
                })
            }
        };
        let failed = |cause| MessageBody::Ended(Outcome::Failed { cause });
        report_on_drop.body = Some(ended.unwrap_or_else(failed));
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

fn copied(outcome: CopyOutcome) -> MessageBody {
    MessageBody::Ended(match outcome {
        CopyOutcome::Copied { root } => Outcome::Copied { root },
        CopyOutcome::UpToDate { root } => Outcome::UpToDate { root },
        CopyOutcome::Kept { there } => kept(there),
        CopyOutcome::Staged { root } => return MessageBody::Staged(root),
    })
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

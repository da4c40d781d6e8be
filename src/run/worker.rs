//! A worker: one attempt at one image, a copy or a preflight. It sends what the engine reports with job and attempt.
//!
//! Invariant: a worker always reports its outcome, even when it panics.

use std::sync::Arc;

use tokio::{
    sync::mpsc::UnboundedSender,
    task::{AbortHandle, JoinSet},
};

use super::skopeo_engine::SkopeoEngine;
use crate::{
    batch::{Attempt, Failure, FailureClass, Job, JobId, Outcome, Side, SkipReason},
    copy::{CopyOutcome, Engine, PreflightOutcome, Report},
    oci::{CopyEngine, Digest},
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

/// What copies the images of a batch.
#[derive(Clone)]
pub(super) struct Engines {
    pub native: Arc<Engine>,
    /// `None` if no image needs it.
    pub skopeo: Option<Arc<SkopeoEngine>>,
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
            Task::Copy => engines.copy(&job, &report).await.map(|outcome| {
                MessageBody::Ended(match outcome {
                    CopyOutcome::Copied { root } => Outcome::Copied { root },
                    CopyOutcome::UpToDate { root } => Outcome::UpToDate { root },
                    CopyOutcome::Kept { there } => kept(there),
                })
            }),
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

impl Engines {
    async fn copy(
        &self,
        job: &Job,
        report: &(dyn Fn(Report) + Send + Sync),
    ) -> Result<CopyOutcome, Failure> {
        match (job.spec.engine, &self.skopeo) {
            (CopyEngine::Native, _) => {
                let copied = self.native.copy(job, report).await;
                copied.map_err(|error| (&error).into())
            }
            (CopyEngine::Skopeo, Some(skopeo)) => skopeo.copy(job, report).await,
            (CopyEngine::Skopeo, None) => Err(no_skopeo()),
        }
    }

    async fn preflight(
        &self,
        job: &Job,
        report: &(dyn Fn(Report) + Send + Sync),
    ) -> Result<PreflightOutcome, Failure> {
        match (job.spec.engine, &self.skopeo) {
            (CopyEngine::Native, _) => {
                let planned = self.native.preflight(job, report).await;
                planned.map_err(|error| (&error).into())
            }
            (CopyEngine::Skopeo, Some(skopeo)) => skopeo.preflight(job, report).await,
            (CopyEngine::Skopeo, None) => Err(no_skopeo()),
        }
    }
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
    let cause = internal("the copy ended in a bug of transship; its message is on stderr");
    Outcome::Failed { cause }
}

fn no_skopeo() -> Failure {
    internal("this run was started without the settings of skopeo")
}

fn internal(summary: &str) -> Failure {
    Failure {
        side: Side::Local,
        class: FailureClass::Internal,
        summary: summary.into(),
        chain: Vec::new(),
    }
}

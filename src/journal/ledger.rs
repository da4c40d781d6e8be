//! Which events change which rows.
//!
//! Decides what of a batch is worth keeping; writes nothing itself. Events recorded while a commit is under way
//! fold into one change per job, so a commit grows with what changed and not with how often. Invariant: a
//! batch's jobs reach the journal all at once, so whoever finds any of them finds the whole list.

use std::collections::BTreeMap;

use super::{SettledBlob, StoredJob};
use crate::{
    batch::{Attempt, Event, Failure, Job, JobId, Outcome, QueueReason},
    oci::{Registry, Repository},
};

/// What is to be written next.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    pub(super) state: Option<BatchState>,
    pub(super) listed: Vec<Job>,
    pub(super) jobs: BTreeMap<JobId, JobChange>,
    pub(super) settled: Vec<SettledBlob>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct JobChange {
    pub(super) attempt: Attempt,
    pub(super) phase: Phase,
}

/// Where a job is, as far as a later process has to know.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Phase {
    Queued,
    Running,
    Waiting(Failure),
    Ended(Outcome),
}

/// What became of a batch's last run, as it said itself. One that was killed still says `Running`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchState {
    /// Made, and never started.
    Created,
    Running,
    /// Ended before every job had.
    Stopped,
    /// Every job has ended; some may have failed.
    Finished,
}

/// Folds events into [`Changes`].
#[derive(Debug, Default)]
pub(super) struct Ledger {
    rows: Vec<Row>,
    /// Jobs that the started batch has still to list.
    unlisted: usize,
    changes: Changes,
}

#[derive(Debug)]
struct Row {
    registry: Registry,
    repository: Repository,
    attempt: Attempt,
    queued: bool,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl BatchState {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Created, Self::Running, Self::Stopped, Self::Finished]
            .into_iter()
            .find(|state| state.word() == word)
    }
}

impl Ledger {
    /// The ledger of a batch whose `jobs` the journal already has.
    pub(super) fn of(jobs: &[StoredJob]) -> Self {
        let row = |stored: &StoredJob| Row {
            attempt: stored.attempt,
            queued: stored.outcome.is_none(),
            ..Row::new(&stored.job)
        };
        Self {
            rows: jobs.iter().map(row).collect(),
            ..Self::default()
        }
    }

    pub(super) fn fold(&mut self, event: &Event) {
        match event {
            Event::BatchStarted { jobs, .. } => {
                self.unlisted = (*jobs as usize).saturating_sub(self.rows.len());
                self.changes.state = Some(BatchState::Running);
            }
            Event::JobListed { job } => {
                if job.id.index() == self.rows.len() {
                    self.rows.push(Row::new(job));
                    self.changes.listed.push(job.clone());
                    self.unlisted = self.unlisted.saturating_sub(1);
                }
            }
            Event::JobQueued { job, why } => {
                let known = self.rows.get(job.index()).is_some_and(|row| row.queued);
                match why {
                    QueueReason::Listed => {}
                    QueueReason::User
                    | QueueReason::Resumed
                    | QueueReason::RetryDue
                    | QueueReason::Stopped
                        if known => {}
                    QueueReason::User
                    | QueueReason::Resumed
                    | QueueReason::RetryDue
                    | QueueReason::Stopped => {
                        self.enter(*job, None, Phase::Queued);
                    }
                }
            }
            Event::JobStarted { job, attempt } => {
                self.enter(*job, Some(*attempt), Phase::Running);
            }
            Event::JobRetryScheduled {
                job,
                attempt,
                cause,
                ..
            } => self.enter(*job, Some(*attempt), Phase::Waiting(cause.clone())),
            Event::JobFinished { job, outcome } => {
                self.enter(*job, None, Phase::Ended(outcome.clone()));
            }
            Event::BlobSettled {
                job, digest, bytes, ..
            } => {
                if let Some(row) = self.rows.get(job.index()) {
                    self.changes.settled.push(SettledBlob {
                        registry: row.registry.clone(),
                        repository: row.repository.clone(),
                        digest: digest.clone(),
                        size: *bytes,
                    });
                }
            }
            Event::BatchFinished { stopped_by } => {
                self.changes.state = Some(match stopped_by {
                    Some(_) => BatchState::Stopped,
                    None => BatchState::Finished,
                });
            }
            // Restored jobs come from the journal. What is left is planned, measured or asked anew by
            // whoever resumes.
            Event::JobRestored { .. }
            | Event::JobPrioritized { .. }
            | Event::JobPlanned { .. }
            | Event::BlobWaited { .. }
            | Event::BlobStarted { .. }
            | Event::Progress { .. }
            | Event::LanesSampled { .. }
            | Event::Noted { .. }
            | Event::BatchPaused
            | Event::BatchResumed
            | Event::ParallelChanged { .. }
            | Event::StopRequested { .. }
            | Event::CommandRefused { .. } => {}
        }
        if !matches!(event, Event::BatchStarted { .. } | Event::JobListed { .. }) {
            self.unlisted = 0;
        }
    }

    /// Whether there is something to write that may be written now.
    pub(super) fn is_due(&self) -> bool {
        self.unlisted == 0 && !self.changes.is_empty()
    }

    pub(super) fn take(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    fn enter(&mut self, job: JobId, attempt: Option<Attempt>, phase: Phase) {
        let Some(row) = self.rows.get_mut(job.index()) else {
            return;
        };
        row.attempt = attempt.unwrap_or(row.attempt);
        row.queued = phase == Phase::Queued;
        let attempt = row.attempt;
        self.changes.jobs.insert(job, JobChange { attempt, phase });
    }
}

impl Row {
    fn new(job: &Job) -> Self {
        Self {
            registry: job.destination.registry.clone(),
            repository: job.destination.repository.clone(),
            attempt: Attempt(0),
            queued: true,
        }
    }
}

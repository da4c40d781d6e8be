//! What one commit writes: the batch's state, new and changed jobs, settled blobs.

use std::collections::{BTreeMap, BTreeSet};

use super::SettledBlob;
use crate::batch::{Attempt, Failure, Job, JobId, Outcome};

/// What is to be written next.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    pub(super) state: Option<BatchState>,
    pub(super) listed: Vec<Job>,
    pub(super) jobs: BTreeMap<JobId, JobChange>,
    pub(super) settled: BTreeSet<SettledBlob>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct JobChange {
    pub(super) attempt: Attempt,
    pub(super) phase: StoredState,
}

/// Where a job is, as far as a later process has to know.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum StoredState {
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

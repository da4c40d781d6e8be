//! What one commit writes: the batch's state, new and changed jobs, settled blobs.

use std::collections::{BTreeMap, BTreeSet};

use super::{Figures, SettledBlob};
use crate::{
    batch::{Attempt, Failure, Job, JobId, Outcome},
    oci::Digest,
};

/// What the next commit writes.
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
    pub(super) figures: Option<Figures>,
}

/// The state of a job, as far as a resumed run needs it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum StoredState {
    Queued,
    Running,
    Waiting(Failure),
    /// At the destination without its tag, also while that is being written.
    Staged(Digest),
    Ended(Outcome),
}

/// How a batch's last run ended, as it recorded itself. A killed run stays `Running`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchState {
    /// Created, never started.
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
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Created, Self::Running, Self::Stopped, Self::Finished]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

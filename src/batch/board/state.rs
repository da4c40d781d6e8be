//! Where one job is: the states it goes through, and what a review knows about it.

use crate::{
    batch::{Millis, SkipReason},
    oci::Digest,
};

/// Where a job is, with what that state knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Queued,
    Running,
    /// Failed for now; tried again after `delay`.
    Waiting {
        delay: Millis,
    },
    /// Its content is at the destination. Its tag is written with those of its group.
    Staged {
        root: Digest,
    },
    Copied,
    UpToDate,
    Failed,
    Skipped(SkipReason),
}

/// What a review knows about a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preflight {
    #[default]
    NotStarted,
    /// The running attempt is a preflight: it reads, and writes nothing.
    Running,
    /// `blobs` are all that copying needs, and those found at the destination are settled.
    Done,
}

impl State {
    /// Whether the job has ended, for better or worse.
    #[must_use]
    pub fn is_done(&self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Waiting { .. } | Self::Staged { .. } => false,
            Self::Copied | Self::UpToDate | Self::Failed | Self::Skipped(_) => true,
        }
    }
}

impl Preflight {
    /// What remains of it after its attempt ended in another way, or was a copy.
    pub(super) fn interrupted(self) -> Self {
        match self {
            Self::NotStarted | Self::Running => Self::NotStarted,
            Self::Done => Self::Done,
        }
    }
}

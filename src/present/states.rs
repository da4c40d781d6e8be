//! What an image is doing, in one word.
//!
//! Decides the word a person reads for a job's state; finer than [`State`] where a person would ask.

use crate::batch::{BlobState, JobId, JobView, Preflight, SkipReason, State};

/// A job's state as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    Queued,
    /// Queued, and a review knows what copying it takes.
    Planned,
    /// Running, its manifests not read yet, or to be read only.
    Reading,
    Copying,
    /// Failed for now, will be tried again.
    Waiting,
    Copied,
    UpToDate,
    Failed,
    Skipped,
    /// Skipped because the destination tag names another image.
    Kept,
}

impl Phase {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Planned => "to copy",
            Self::Reading => "reading",
            Self::Copying => "copying",
            Self::Waiting => "waiting",
            Self::Copied => "copied",
            Self::UpToDate => "up to date",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Kept => "kept",
        }
    }

    /// In flight.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Reading | Self::Copying)
    }
}

#[must_use]
pub fn phase(job: &JobView) -> Phase {
    match job.state {
        State::Queued if job.is_planned() => Phase::Planned,
        State::Queued => Phase::Queued,
        State::Running if job.blobs.is_empty() || job.preflight == Preflight::Running => {
            Phase::Reading
        }
        State::Running => Phase::Copying,
        State::Waiting { .. } => Phase::Waiting,
        State::Copied => Phase::Copied,
        State::UpToDate => Phase::UpToDate,
        State::Failed => Phase::Failed,
        State::Skipped(SkipReason::User) => Phase::Skipped,
        State::Skipped(SkipReason::Kept { .. }) => Phase::Kept,
    }
}

/// The job whose upload this one waits for, when nothing of its own moves.
#[must_use]
pub fn unfinished_owner(job: &JobView) -> Option<JobId> {
    if job.state != State::Running {
        return None;
    }
    let mut owner = None;
    for blob in &job.blobs {
        match blob.state {
            BlobState::Settled(_) => {}
            BlobState::WaitingFor(other) => owner = owner.or(Some(other)),
            BlobState::Pending | BlobState::Copying { .. } => return None,
        }
    }
    owner
}

//! The state of an image as it is shown; distinguishes more than [`State`].

use crate::batch::{BlobState, JobId, JobView, Preflight, SkipReason, State};

/// The displayed state of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    Queued,
    /// Queued, after a review has planned its copy.
    Planned,
    /// Running: its manifests are being read, or it is in preflight.
    Reading,
    Copying,
    /// Waiting for an automatic retry.
    Waiting,
    /// At its destination; its tag waits for the rest of its group.
    Staged,
    Copied,
    UpToDate,
    Failed,
    Skipped,
    /// Skipped because the destination tag names another image.
    Kept,
}

impl Phase {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Planned => "to copy",
            Self::Reading => "reading",
            Self::Copying => "copying",
            Self::Waiting => "waiting",
            Self::Staged => "staged",
            Self::Copied => "copied",
            Self::UpToDate => "up to date",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Kept => "kept",
        }
    }

    /// Whether it is in flight.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Reading | Self::Copying)
    }
}

#[must_use]
pub fn phase(job: &JobView) -> Phase {
    match job.state {
        State::Queued if job.staged.is_some() => Phase::Staged,
        State::Queued if job.is_planned() => Phase::Planned,
        State::Queued => Phase::Queued,
        State::Running if job.staged.is_some() => Phase::Copying,
        State::Running if job.blobs.is_empty() || job.preflight == Preflight::Running => {
            Phase::Reading
        }
        State::Running => Phase::Copying,
        State::Waiting { .. } => Phase::Waiting,
        State::Staged { .. } => Phase::Staged,
        State::Copied => Phase::Copied,
        State::UpToDate => Phase::UpToDate,
        State::Failed => Phase::Failed,
        State::Skipped(SkipReason::User) => Phase::Skipped,
        State::Skipped(SkipReason::Kept { .. }) => Phase::Kept,
    }
}

/// The job whose upload this one waits for, if it transfers nothing itself.
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

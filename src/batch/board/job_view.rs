//! One image as its events left it: its state, its blobs, its attempts and how they ended.
//!
//! Decides what can be asked of one job; how events change it and what is known of all jobs together is
//! the board's. Invariant: `bytes_total` and `bytes_done` are the sums over `blobs`.

use crate::batch::{
    Attempt, BlobKind, Failure, Job, JobId, Millis, PlannedManifest, Settled, SkipReason,
};
use crate::oci::{Digest, MediaType};

/// Where a job is, with what that state knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Queued,
    Running,
    /// Failed for now; tried again after `delay`.
    Waiting {
        delay: Millis,
    },
    Copied,
    UpToDate,
    Failed,
    Skipped(SkipReason),
}

/// What a review knows of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Survey {
    #[default]
    Unasked,
    /// The attempt in flight only looks.
    UnderWay,
    /// `blobs` are all that copying it takes, and those found at the destination are settled.
    Done,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobView {
    pub job: Job,
    pub state: State,
    /// The current or last attempt.
    pub attempt: Attempt,
    /// The attempts up to here do not count against the retry budget: a person asked to go on.
    pub forgiven: Attempt,
    /// Attempts since then that a registry put off, and for how long in all.
    pub deferrals: u16,
    pub deferred: Millis,
    pub survey: Survey,
    pub root: Option<Digest>,
    /// Parents before their children; empty until they are read.
    pub manifests: Vec<PlannedManifest>,
    /// Empty until the image's manifests are read.
    pub blobs: Vec<BlobView>,
    /// What each failed attempt ended with, oldest first.
    pub failures: Vec<(Attempt, Failure)>,
    /// Sum of `blobs` by size, and of what of it is settled or under way.
    pub bytes_total: u64,
    pub bytes_done: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobView {
    pub digest: Digest,
    pub size: u64,
    pub kind: BlobKind,
    pub media_type: Option<MediaType>,
    pub state: BlobState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobState {
    Pending,
    /// Another job uploads the same content.
    WaitingFor(JobId),
    Copying {
        done: u64,
    },
    Settled(Settled),
}

impl Survey {
    /// What is left of it when its attempt ended without a word, or was none.
    pub(super) fn given_up(self) -> Self {
        match self {
            Self::Unasked | Self::UnderWay => Self::Unasked,
            Self::Done => Self::Done,
        }
    }
}

impl JobView {
    pub(super) fn new(job: Job) -> Self {
        Self {
            job,
            state: State::Queued,
            attempt: Attempt(0),
            forgiven: Attempt(0),
            deferrals: 0,
            deferred: Millis(0),
            survey: Survey::Unasked,
            root: None,
            manifests: Vec::new(),
            blobs: Vec::new(),
            failures: Vec::new(),
            bytes_total: 0,
            bytes_done: 0,
        }
    }

    /// Ended, for better or worse.
    #[must_use]
    pub fn is_done(&self) -> bool {
        match self.state {
            State::Queued | State::Running | State::Waiting { .. } => false,
            State::Copied | State::UpToDate | State::Failed | State::Skipped(_) => true,
        }
    }

    /// Waits to be copied, and a review knows what that takes.
    #[must_use]
    pub fn is_planned(&self) -> bool {
        self.state == State::Queued && self.survey == Survey::Done
    }

    /// The whole retry budget is there again.
    pub(super) fn renew_budget(&mut self) {
        self.forgiven = self.attempt;
        self.deferrals = 0;
        self.deferred = Millis(0);
    }

    /// A registry put off the last attempt; being asked to wait is no failure of the image.
    pub(super) fn defer(&mut self, delay: Millis) {
        self.forgiven.0 = self.forgiven.0.saturating_add(1);
        self.deferrals = self.deferrals.saturating_add(1);
        self.deferred.0 = self.deferred.0.saturating_add(delay.0);
    }

    /// How many attempts of the current retry budget are used.
    #[must_use]
    pub fn tries(&self) -> u16 {
        self.attempt.0 - self.forgiven.0.min(self.attempt.0)
    }

    /// Running, and everything it still needs is being uploaded by other jobs.
    pub(super) fn is_held_up(&self) -> bool {
        let mut waits = false;
        self.state == State::Running
            && self.blobs.iter().all(|blob| {
                waits |= matches!(blob.state, BlobState::WaitingFor(_));
                matches!(blob.state, BlobState::WaitingFor(_) | BlobState::Settled(_))
            })
            && waits
    }

    /// The failure this job stands at, if it failed or waits to be tried again.
    #[must_use]
    pub fn cause(&self) -> Option<&Failure> {
        match self.state {
            State::Failed | State::Waiting { .. } => self.failures.last().map(|(_, cause)| cause),
            _ => None,
        }
    }
}

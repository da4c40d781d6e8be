//! One image as its events left it: its state, its blobs, its attempts and how they ended.
//!
//! Decides what can be asked of one job; how events change it and what is known of all jobs together is
//! the board's. Invariant: `bytes_total` and `bytes_done` are the sums over `blobs`, also after these were
//! dropped, and finding a blob does not take longer the more there are.

use super::Totals;
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
pub enum Preflight {
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
    pub budget_reset_at: Attempt,
    /// Attempts since then that a registry put off, and for how long in all.
    pub deferrals: u16,
    pub deferred: Millis,
    pub preflight: Preflight,
    pub root: Option<Digest>,
    /// The other image that the destination tag named when the manifests were read.
    pub replaces: Option<Digest>,
    /// Parents before their children; empty until they are read.
    pub manifests: Vec<PlannedManifest>,
    /// Empty until the image's manifests are read.
    pub blobs: Vec<BlobView>,
    /// What each failed attempt ended with, oldest first.
    pub failures: Vec<(Attempt, Failure)>,
    /// Sum of `blobs` by size, and of what of it is settled or under way.
    pub bytes_total: u64,
    pub bytes_done: u64,
    /// Positions in `blobs` in the order of their digests; empty while there are few.
    by_digest: Vec<u32>,
    pub(super) open: OpenBlobs,
    /// The sums over `blobs`, if these were dropped.
    pub(super) dropped: Option<Totals>,
}

/// As many blobs are looked through without an index.
const FEW: usize = 32;

/// How many blobs are not settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct OpenBlobs {
    /// Waiting for other jobs' uploads.
    pub waiting: usize,
    /// To be brought by this job.
    pub own: usize,
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

impl Preflight {
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
            budget_reset_at: Attempt(0),
            deferrals: 0,
            deferred: Millis(0),
            preflight: Preflight::Unasked,
            root: None,
            replaces: None,
            manifests: Vec::new(),
            blobs: Vec::new(),
            failures: Vec::new(),
            bytes_total: 0,
            bytes_done: 0,
            by_digest: Vec::new(),
            open: OpenBlobs::default(),
            dropped: None,
        }
    }

    /// Whether its size is known.
    #[must_use]
    pub fn is_sized(&self) -> bool {
        !self.blobs.is_empty() || self.dropped.is_some()
    }

    /// Where in `blobs` the blob of `digest` is.
    pub(super) fn position(&self, digest: &Digest) -> Option<usize> {
        if self.by_digest.is_empty() {
            return self.blobs.iter().position(|blob| blob.digest == *digest);
        }
        let compare = |at: &u32| self.blobs[*at as usize].digest.cmp(digest);
        let found = self.by_digest.binary_search_by(compare).ok()?;
        Some(self.by_digest[found] as usize)
    }

    pub(super) fn set_blobs(&mut self, blobs: Vec<BlobView>) {
        self.dropped = None;
        self.by_digest = match blobs.len() {
            0..=FEW => Vec::new(),
            count => {
                let mut order: Vec<u32> = (0..).take(count).collect();
                order.sort_by(|a, b| blobs[*a as usize].digest.cmp(&blobs[*b as usize].digest));
                order
            }
        };
        self.blobs = blobs;
        self.count_open();
    }

    pub(super) fn count_open(&mut self) {
        let open = self.blobs.iter().map(|blob| OpenBlobs::of(&blob.state));
        self.open = open.fold(OpenBlobs::default(), OpenBlobs::plus);
    }

    /// Drops what is known of single blobs and manifests; the sums stay.
    pub(super) fn drop_blobs(&mut self) {
        let totals = Totals::of_job(self);
        self.manifests = Vec::new();
        self.set_blobs(Vec::new());
        self.dropped = Some(totals);
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
        self.state == State::Queued && self.preflight == Preflight::Done
    }

    /// The whole retry budget is there again.
    pub(super) fn renew_budget(&mut self) {
        self.budget_reset_at = self.attempt;
        self.deferrals = 0;
        self.deferred = Millis(0);
    }

    /// A registry put off the last attempt; being asked to wait is no failure of the image.
    pub(super) fn defer(&mut self, delay: Millis) {
        self.budget_reset_at.0 = self.budget_reset_at.0.saturating_add(1);
        self.deferrals = self.deferrals.saturating_add(1);
        self.deferred.0 = self.deferred.0.saturating_add(delay.0);
    }

    /// How many attempts of the current retry budget are used.
    #[must_use]
    pub fn tries(&self) -> u16 {
        self.attempt.0 - self.budget_reset_at.0.min(self.attempt.0)
    }

    /// Running, and everything it still needs is being uploaded by other jobs.
    pub(super) fn is_blocked(&self) -> bool {
        self.state == State::Running && self.open.own == 0 && self.open.waiting > 0
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

impl OpenBlobs {
    pub(super) fn of(state: &BlobState) -> Self {
        match state {
            BlobState::Pending | BlobState::Copying { .. } => Self { waiting: 0, own: 1 },
            BlobState::WaitingFor(_) => Self { waiting: 1, own: 0 },
            BlobState::Settled(_) => Self::default(),
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            waiting: self.waiting + other.waiting,
            own: self.own + other.own,
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            waiting: self.waiting - other.waiting,
            own: self.own - other.own,
        }
    }
}

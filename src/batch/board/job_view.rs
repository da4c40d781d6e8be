//! One image as its events left it: its state, its blobs, its attempts and how they ended.
//!
//! Decides what can be asked about one job; the board decides how events change it. Invariant: `bytes_total` and
//! `bytes_done` are the sums over `blobs`, also after these were dropped.

use super::{BlobView, Preflight, State, Totals, blob_view::OpenBlobs, retry_budget::RetryBudget};
use crate::{
    batch::{Attempt, Failure, Job, PlannedManifest},
    oci::Digest,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobView {
    pub job: Job,
    pub state: State,
    /// The current or last attempt.
    pub attempt: Attempt,
    pub retry_budget: RetryBudget,
    pub preflight: Preflight,
    /// The further program that copies it, as [`Event::MethodSelected`](crate::batch::Event::MethodSelected) says.
    pub method: Option<String>,
    pub root: Option<Digest>,
    /// The other image that the destination tag named when the manifests were read.
    pub replaces: Option<Digest>,
    /// The manifest at the destination whose tag is not written yet, from staging until the image has ended.
    pub staged: Option<Digest>,
    /// Parents before their children; empty until they are read.
    pub manifests: Vec<PlannedManifest>,
    /// Empty until the image's manifests are read.
    pub blobs: Vec<BlobView>,
    /// What each failed attempt ended with, oldest first.
    pub failures: Vec<(Attempt, Failure)>,
    /// The sizes of `blobs`, and how much of that is settled or in flight.
    pub bytes_total: u64,
    pub bytes_done: u64,
    /// Positions in `blobs` in the order of their digests; empty while there are few.
    by_digest: Vec<u32>,
    pub(super) open: OpenBlobs,
    /// The sums over `blobs` once these were dropped.
    pub(super) dropped: Option<Totals>,
}

/// Up to this many blobs are searched without an index.
const MAX_UNINDEXED: usize = 32;

impl JobView {
    pub(super) fn new(job: Job) -> Self {
        Self {
            job,
            state: State::Queued,
            attempt: Attempt(0),
            retry_budget: RetryBudget::default(),
            preflight: Preflight::NotStarted,
            method: None,
            root: None,
            replaces: None,
            staged: None,
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
            0..=MAX_UNINDEXED => Vec::new(),
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

    /// Drops the single blobs and manifests; the sums stay.
    pub(super) fn drop_blobs(&mut self) {
        let totals = self.blob_totals();
        self.manifests = Vec::new();
        self.set_blobs(Vec::new());
        self.dropped = Some(totals);
    }

    fn blob_totals(&self) -> Totals {
        self.dropped.unwrap_or_else(|| {
            let blobs = self.blobs.iter().map(Totals::of_blob);
            blobs.fold(Totals::default(), Totals::plus)
        })
    }

    /// What the job adds to the sums over all jobs.
    pub(super) fn totals(&self) -> Totals {
        let totals = self.blob_totals();
        let lost = match self.state {
            State::Failed => totals.planned - totals.done,
            _ => 0,
        };
        Totals {
            jobs: u64::from(self.is_sized()),
            lost,
            ..totals
        }
    }

    /// Whether it has ended, for better or worse.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state.is_done()
    }

    /// Whether it is queued and a review knows what copying needs.
    #[must_use]
    pub fn is_planned(&self) -> bool {
        self.state == State::Queued && self.preflight == Preflight::Done
    }

    /// Gives the whole retry budget back.
    pub(super) fn renew_budget(&mut self) {
        self.retry_budget = RetryBudget::renewed(self.attempt);
    }

    /// How many attempts of the current retry budget are used.
    #[must_use]
    pub fn tries(&self) -> u16 {
        self.retry_budget.used(self.attempt)
    }

    /// Whether it runs and everything it still needs is being uploaded by other jobs.
    pub(super) fn is_blocked(&self) -> bool {
        self.state == State::Running && self.open.own == 0 && self.open.waiting > 0
    }

    /// The last failure, if the job failed or waits to be tried again.
    #[must_use]
    pub fn cause(&self) -> Option<&Failure> {
        match self.state {
            State::Failed | State::Waiting { .. } => self.failures.last().map(|(_, cause)| cause),
            _ => None,
        }
    }
}

//! What is run, and how.

use super::RetryPolicy;
use crate::{
    batch::{Job, JobId, Outcome},
    oci::Digest,
};

/// How a batch is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Images in flight at once.
    pub parallel: u16,
    pub policy: RetryPolicy,
    pub review: Review,
    /// Do not end after the last image, so that an operator can look at failures and retry; a stop ends the batch.
    pub stay: bool,
}

/// Whether the plan is shown before anything is copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Review {
    #[default]
    None,
    /// Copying begins when an operator says so.
    First,
    /// Nothing is copied: the batch stops once the plan is complete, and can be resumed.
    Only,
}

/// What is run.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The list as the operator named it.
    pub list: String,
    /// In list order, ids from 0 without gaps.
    pub jobs: Vec<Job>,
    /// How an earlier run of the batch left its jobs; absent for a new batch.
    pub restored: Option<Vec<(JobId, Outcome)>>,
    /// Jobs that an earlier run left without their tags, and their manifests.
    pub staged: Vec<(JobId, Digest)>,
    /// Emitted as notes before the first image starts; of the whole batch, or of an image.
    pub notes: Vec<(Option<JobId>, String)>,
}

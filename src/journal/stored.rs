//! A batch as an earlier run left it.

use std::path::PathBuf;

use super::{Figures, Verification};
use crate::{
    batch::{Attempt, BatchId, Job, Outcome},
    oci::{Digest, Registry, Repository},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub batch: BatchId,
    pub list_path: PathBuf,
    pub list_text: String,
    pub settings: String,
    /// In list order. Empty when the run ended before it had listed them.
    pub jobs: Vec<StoredJob>,
    pub settled: Vec<SettledBlob>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredJob {
    pub job: Job,
    /// The last attempt started.
    pub attempt: Attempt,
    /// Absent when the job had not ended; it is queued again, unless it is staged.
    pub outcome: Option<Outcome>,
    /// The manifest at the destination whose tag is not known to be written.
    pub staged: Option<Digest>,
    /// Absent before the first attempt, and unknown in batches of older versions.
    pub figures: Option<Figures>,
    /// How it compared with its source, if it was compared since it was copied.
    pub verified: Option<Verification>,
}

/// A blob known to be at its destination.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SettledBlob {
    pub registry: Registry,
    pub repository: Repository,
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
}

//! How many blobs of ended jobs are kept one by one.
//!
//! Decides whose blobs are dropped: those of the job that ended first. Invariant: memory for ended jobs does not
//! grow with their blobs beyond [`MAX_BLOBS`].

use std::collections::VecDeque;

use crate::batch::JobId;

pub(super) const MAX_BLOBS: usize = 50_000;

#[derive(Clone, Debug, Default)]
pub(super) struct DetailLimit {
    /// Ended jobs with the number of their blobs, the first that ended first.
    jobs: VecDeque<(JobId, usize)>,
    /// The sum of these numbers.
    blobs: usize,
}

impl DetailLimit {
    pub(super) fn add(&mut self, job: JobId, blobs: usize) {
        self.jobs.push_back((job, blobs));
        self.blobs += blobs;
    }

    /// A job whose blobs are to be dropped, while there are too many.
    pub(super) fn next_over(&mut self) -> Option<JobId> {
        if self.blobs <= MAX_BLOBS {
            return None;
        }
        let (job, blobs) = self.jobs.pop_front()?;
        self.blobs -= blobs;
        Some(job)
    }
}

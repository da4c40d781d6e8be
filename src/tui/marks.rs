//! Marked images, and the range being marked.
//!
//! Invariant: marks are job ids, so neither a filter nor a sort order moves them to another image.

use std::{collections::BTreeSet, ops::Range};

use crate::batch::JobId;

#[derive(Clone, Debug, Default)]
pub struct Marks {
    jobs: BTreeSet<JobId>,
    /// Where the open range begins.
    range_from: Option<JobId>,
}

impl Marks {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.range_from.is_none()
    }

    #[must_use]
    pub fn contains(&self, job: JobId) -> bool {
        self.jobs.contains(&job)
    }

    #[must_use]
    pub fn has_range(&self) -> bool {
        self.range_from.is_some()
    }

    /// The rows of the open range, which ends at the cursor.
    #[must_use]
    pub fn range(&self, rows: &[JobId], cursor: Option<usize>) -> Range<usize> {
        let from = (self.range_from).and_then(|from| rows.iter().position(|job| *job == from));
        match from.zip(cursor) {
            Some((from, cursor)) => from.min(cursor)..from.max(cursor) + 1,
            None => 0..0,
        }
    }

    /// Marked images, and those of the open range.
    #[must_use]
    pub fn with_range(&self, rows: &[JobId], cursor: Option<usize>) -> BTreeSet<JobId> {
        let mut jobs = self.jobs.clone();
        jobs.extend(&rows[self.range(rows, cursor)]);
        jobs
    }

    pub fn toggle(&mut self, job: JobId) {
        if !self.jobs.remove(&job) {
            self.jobs.insert(job);
        }
    }

    /// Marks these images, or unmarks them if all are marked.
    pub fn toggle_all(&mut self, jobs: &BTreeSet<JobId>) {
        match jobs.is_subset(&self.jobs) {
            true => self.jobs.retain(|job| !jobs.contains(job)),
            false => self.jobs.extend(jobs),
        }
    }

    pub fn open_range(&mut self, from: Option<JobId>) {
        self.range_from = from;
    }

    /// Marks the images of the open range.
    pub fn close_range(&mut self, rows: &[JobId], cursor: Option<usize>) {
        self.jobs = self.with_range(rows, cursor);
        self.range_from = None;
    }

    /// Returns whether there was a range to cancel.
    pub fn cancel_range(&mut self) -> bool {
        self.range_from.take().is_some()
    }
}

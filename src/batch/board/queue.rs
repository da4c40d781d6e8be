//! Which jobs wait to be started, and in which order.
//!
//! Decides which job is next: prioritized jobs (the latest first), then the list's order. During a review only jobs
//! without a preflight are offered; the others are held until it ends. Invariant: a queued job has one position, so
//! finding the next one does not depend on how many there are.

use std::collections::{BTreeMap, BTreeSet};

use crate::batch::JobId;

#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    next: Positions,
    /// Jobs with a preflight, while a review goes on.
    held: Option<Positions>,
    /// How many queued jobs have a preflight, held or not.
    planned: usize,
    rank: BTreeMap<JobId, i64>,
    next_rank: i64,
}

type Positions = BTreeSet<(i64, JobId)>;

impl Queue {
    pub(super) fn iter(&self) -> impl Iterator<Item = JobId> + '_ {
        self.next.iter().map(|(_, job)| *job)
    }

    pub(super) fn planned(&self) -> usize {
        self.planned
    }

    pub(super) fn is_reviewing(&self) -> bool {
        self.held.is_some()
    }

    pub(super) fn start_review(&mut self) {
        self.held.get_or_insert_default();
    }

    pub(super) fn end_review(&mut self) {
        self.next.extend(self.held.take().unwrap_or_default());
    }

    pub(super) fn insert(&mut self, job: JobId, is_planned: bool) {
        let position = self.position(job);
        self.planned += usize::from(is_planned);
        match &mut self.held {
            Some(held) if is_planned => held.insert(position),
            _ => self.next.insert(position),
        };
    }

    pub(super) fn remove(&mut self, job: JobId, is_planned: bool) {
        let position = self.position(job);
        self.planned -= usize::from(is_planned);
        self.next.remove(&position);
        if let Some(held) = &mut self.held {
            held.remove(&position);
        }
    }

    pub(super) fn prioritize(&mut self, job: JobId) {
        let position = self.position(job);
        self.next_rank -= 1;
        self.rank.insert(job, self.next_rank);
        for positions in [&mut self.next].into_iter().chain(&mut self.held) {
            if positions.remove(&position) {
                positions.insert((self.next_rank, job));
            }
        }
    }

    fn position(&self, job: JobId) -> (i64, JobId) {
        (self.rank.get(&job).copied().unwrap_or(0), job)
    }
}

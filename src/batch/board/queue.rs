//! Which jobs wait to be started, and in which order.
//!
//! Decides who is next: prioritized jobs (latest first), then the list's order; during a review only those it has
//! not surveyed yet, the others are held until it ends. Invariant: a queued job stands in one place, so who is
//! next costs no look at the others.

use std::collections::{BTreeMap, BTreeSet};

use crate::batch::JobId;

#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    next: Places,
    /// Surveyed jobs, as long as a review goes on.
    held: Option<Places>,
    /// How many queued jobs were surveyed, held or not.
    planned: usize,
    rank: BTreeMap<JobId, i64>,
    next_rank: i64,
}

type Places = BTreeSet<(i64, JobId)>;

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
        let place = self.place(job);
        self.planned += usize::from(is_planned);
        match &mut self.held {
            Some(held) if is_planned => held.insert(place),
            _ => self.next.insert(place),
        };
    }

    pub(super) fn remove(&mut self, job: JobId, is_planned: bool) {
        let place = self.place(job);
        self.planned -= usize::from(is_planned);
        self.next.remove(&place);
        if let Some(held) = &mut self.held {
            held.remove(&place);
        }
    }

    pub(super) fn prioritize(&mut self, job: JobId) {
        let place = self.place(job);
        self.next_rank -= 1;
        self.rank.insert(job, self.next_rank);
        for places in [&mut self.next].into_iter().chain(&mut self.held) {
            if places.remove(&place) {
                places.insert((self.next_rank, job));
            }
        }
    }

    fn place(&self, job: JobId) -> (i64, JobId) {
        (self.rank.get(&job).copied().unwrap_or(0), job)
    }
}

//! What all images are together: how many are in each state, and their bytes.
//!
//! Decides which sum a blob counts for. Invariant: a sum is changed by taking the old value out and putting
//! the new one in, so it never has to be made again from all jobs.

use super::{BlobState, BlobView, JobView, State};
use crate::batch::{Settled, SkipReason};

/// How many jobs are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateCounts {
    pub queued: usize,
    pub running: usize,
    pub waiting: usize,
    pub copied: usize,
    pub up_to_date: usize,
    pub failed: usize,
    /// By an operator.
    pub skipped: usize,
    /// Skipped because the destination has another image there.
    pub kept: usize,
}

/// Sums over all jobs, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Size of all blobs of planned jobs; grows while manifests are read.
    pub planned: u64,
    /// Of those, settled or under way.
    pub done: u64,
    /// Bytes that crossed the wire for settled blobs.
    pub copied: u64,
    /// Bytes saved by mounting, and by finding a blob present.
    pub mounted: u64,
    pub present: u64,
    /// Bytes of blobs in flight now.
    pub in_flight: u64,
}

impl StateCounts {
    pub(super) fn of(&mut self, state: &State) -> &mut usize {
        match state {
            State::Queued => &mut self.queued,
            State::Running => &mut self.running,
            State::Waiting { .. } => &mut self.waiting,
            State::Copied => &mut self.copied,
            State::UpToDate => &mut self.up_to_date,
            State::Failed => &mut self.failed,
            State::Skipped(SkipReason::User) => &mut self.skipped,
            State::Skipped(SkipReason::Kept { .. }) => &mut self.kept,
        }
    }
}

impl Totals {
    pub(super) fn of_blob(blob: &BlobView) -> Self {
        let mut totals = Self {
            planned: blob.size,
            ..Self::default()
        };
        match &blob.state {
            BlobState::Pending | BlobState::WaitingFor(_) => {}
            BlobState::Copying { done } => {
                totals.done = *done;
                totals.in_flight = *done;
            }
            BlobState::Settled(how) => {
                totals.done = blob.size;
                match how {
                    Settled::Present => totals.present = blob.size,
                    Settled::Mounted { .. } => totals.mounted = blob.size,
                    Settled::Copied => totals.copied = blob.size,
                }
            }
        }
        totals
    }

    pub(super) fn of_job(view: &JobView) -> Self {
        view.dropped.unwrap_or_else(|| {
            view.blobs
                .iter()
                .map(Self::of_blob)
                .fold(Self::default(), Self::plus)
        })
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            planned: self.planned + other.planned,
            done: self.done + other.done,
            copied: self.copied + other.copied,
            mounted: self.mounted + other.mounted,
            present: self.present + other.present,
            in_flight: self.in_flight + other.in_flight,
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            planned: self.planned - other.planned,
            done: self.done - other.done,
            copied: self.copied - other.copied,
            mounted: self.mounted - other.mounted,
            present: self.present - other.present,
            in_flight: self.in_flight - other.in_flight,
        }
    }
}

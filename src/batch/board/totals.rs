//! The bytes of all images together.
//!
//! Decides which sum a blob counts for. Invariant: a change subtracts the old value and adds the new one, so no
//! event costs a pass over all jobs.

use super::{BlobState, BlobView};
use crate::batch::Settled;

/// Sums over jobs, in bytes but for `jobs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Jobs whose manifests were read.
    pub jobs: u64,
    /// Size of all blobs of planned jobs; grows while manifests are read.
    pub planned: u64,
    /// Of those, settled or in flight.
    pub done: u64,
    /// Bytes that crossed the wire for settled blobs.
    pub copied: u64,
    /// Bytes saved by mounting, and by finding a blob present.
    pub mounted: u64,
    pub present: u64,
    /// Bytes of blobs in flight now.
    pub in_flight: u64,
    /// What failed jobs still lack.
    pub lost: u64,
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

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            jobs: self.jobs + other.jobs,
            planned: self.planned + other.planned,
            done: self.done + other.done,
            copied: self.copied + other.copied,
            mounted: self.mounted + other.mounted,
            present: self.present + other.present,
            in_flight: self.in_flight + other.in_flight,
            lost: self.lost + other.lost,
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            jobs: self.jobs - other.jobs,
            planned: self.planned - other.planned,
            done: self.done - other.done,
            copied: self.copied - other.copied,
            mounted: self.mounted - other.mounted,
            present: self.present - other.present,
            in_flight: self.in_flight - other.in_flight,
            lost: self.lost - other.lost,
        }
    }
}

//! One blob of an image, as its events left it.

use crate::{
    batch::{BlobKind, JobId, Settled},
    oci::{Digest, MediaType},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobView {
    pub digest: Digest,
    /// Length in bytes.
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
        /// Bytes sent, with what was there before the attempt.
        done: u64,
    },
    Settled(Settled),
}

/// How many blobs of a job are not settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct OpenBlobs {
    /// Waiting for another job's upload.
    pub waiting: usize,
    /// To be settled by this job.
    pub own: usize,
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

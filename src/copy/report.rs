//! What the engine reports while it copies an image.
//!
//! Workers pass reports on to the dispatcher, which makes events of them. Invariant: a report may hold counters that
//! change; an event never does.

use std::sync::Arc;

use crate::{
    batch::{JobId, PlannedBlob, PlannedManifest, Settled},
    oci::Digest,
    transport::ByteCounter,
};

#[derive(Clone, Debug)]
pub enum Report {
    /// A further program copies the image; `0` says which one, and where it runs.
    Method(String),
    /// All manifests are read; `blobs` is everything below them, each once.
    Planned {
        root: Digest,
        manifests: Vec<PlannedManifest>,
        blobs: Arc<[PlannedBlob]>,
        /// What the destination tag names now, if that is another image.
        replaces: Option<Digest>,
    },
    /// Another image is uploading the same content.
    Waiting { digest: Digest, owner: JobId },
    /// Bytes begin to move; `counter` counts them.
    Started {
        digest: Digest,
        offset: u64,
        counter: Arc<ByteCounter>,
    },
    Settled {
        digest: Digest,
        bytes: u64,
        how: Settled,
    },
    /// Something an operator should know that is no failure.
    Noted(String),
}

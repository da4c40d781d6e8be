//! What an image is written to.
//!
//! Invariant: content that is not complete never has its final name.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{ByteCounter, Error, Selector, Source};
use crate::{
    batch::{PlannedBlob, Settled, Side},
    oci::{Descriptor, Digest, Manifest, Repository},
    registry::{self, BlobPresence, StreamQueue},
};

/// What a store can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Every manifest.
    All,
    /// Images of one platform and nothing that is attached to them: Docker's archives and daemons. Their layers are
    /// not compressed, and manifests are made anew when the image is read.
    OnePlatform,
}

/// A blob to put into a store, and what is known about it.
#[derive(Clone, Copy)]
pub struct PutBlob<'a> {
    pub blob: &'a PlannedBlob,
    pub source: &'a Arc<dyn Source>,
    /// A repository of the same registry that has it.
    pub mount_from: Option<&'a Repository>,
    /// It was looked for before, and not found.
    pub is_absent: bool,
    pub streams: &'a StreamQueue,
    pub report: &'a (dyn Fn(BlobReport) + Send + Sync),
}

/// Progress of one blob.
#[derive(Clone, Debug)]
pub enum BlobReport {
    /// Bytes begin to move; `counter` counts them.
    Started {
        offset: u64,
        counter: Arc<ByteCounter>,
    },
    /// Something an operator should know that is no failure.
    Noted(String),
}

/// A failed step and the side that failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct PutBlobError {
    pub side: Side,
    pub error: Error,
}

/// A manifest was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PutManifest {
    /// Whether the store lists the manifest as a referrer of its subject.
    pub lists_subject: bool,
}

#[async_trait]
pub trait Destination: Source {
    fn holds(&self) -> Holds {
        Holds::All
    }

    /// Whether the store has a blob. A digest with another length is not the blob.
    async fn blob_presence(&self, blob: &PlannedBlob) -> Result<BlobPresence, Error>;

    /// Puts a blob into the store in the cheapest way, unless it is there. Waits for streams of `put.streams` only
    /// while bytes move.
    async fn put_blob(&self, put: PutBlob<'_>) -> Result<Settled, PutBlobError>;

    /// Puts a small blob into the store whose content is in memory.
    async fn put_bytes(&self, digest: &Digest, content: Bytes) -> Result<(), Error>;

    /// Writes a manifest. Everything below it was written before.
    async fn put_manifest(
        &self,
        selector: Selector<'_>,
        manifest: &Manifest,
    ) -> Result<PutManifest, Error>;

    /// Lists `referrers` as referrers of `subject`. Only for stores that do not do so by themselves.
    async fn add_referrers(&self, subject: &Digest, referrers: &[Descriptor]) -> Result<(), Error>;

    /// Whether the store was found to be empty where the image goes when this batch first wrote there. Asks nothing.
    fn is_known_empty(&self) -> bool {
        false
    }

    /// The store is not empty there, whatever it answered before.
    fn mark_used(&self) {}
}

impl From<registry::Error> for PutBlobError {
    /// Blames the destination: a registry that is read from answers through a [`Source`].
    fn from(error: registry::Error) -> Self {
        blame(Side::Destination)(error.into())
    }
}

/// Blames `side` for an error.
pub fn blame(side: Side) -> impl Fn(Error) -> PutBlobError {
    move |error| PutBlobError { side, error }
}

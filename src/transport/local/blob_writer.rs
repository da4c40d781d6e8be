//! Puts one blob into a directory, unless it is there.
//!
//! Invariant: a blob gets its name when it is complete and verified.

use std::{fs, sync::Arc};

use bytes::Bytes;

use super::{LocalError, blocking::run_blocking, error::Context, receive::receive};
use crate::{
    batch::{Settled, Side},
    files::Staged,
    oci::Digest,
    registry::BlobPresence,
    transport::{Destination, PutBlob, PutBlobError},
};

/// Where blobs are written. All methods block on the disk.
pub(super) trait BlobWriter: Send + Sync + 'static {
    /// A path for content that is not complete yet; removed when it is dropped.
    fn stage(&self) -> Staged;

    /// Gives staged content, verified to be `digest`, its name.
    fn settle_blob(&self, digest: &Digest, staged: &Staged) -> Result<(), LocalError>;
}

/// What `length`, that of the file with the blob's name, says about the blob.
pub(super) fn presence(length: Option<u64>, size: u64) -> BlobPresence {
    match length {
        None => BlobPresence::Absent,
        Some(length) if length == size => BlobPresence::Present,
        Some(length) => BlobPresence::OtherLength(length),
    }
}

/// Reads the blob of `put` from its source into `writer`. `writer` belongs to `destination`.
pub(super) async fn put_blob(
    writer: &Arc<impl BlobWriter>,
    presence: BlobPresence,
    put: PutBlob<'_>,
    destination: &dyn Destination,
) -> Result<Settled, PutBlobError> {
    match presence {
        BlobPresence::Present => return Ok(Settled::Present),
        BlobPresence::Absent | BlobPresence::OtherLength(_) => {}
    }
    let staged = writer.stage();
    receive(&put, destination, staged.path()).await?;
    let (writer, digest) = (Arc::clone(writer), put.blob.digest.clone());
    let settled = run_blocking(move || writer.settle_blob(&digest, &staged)).await;
    settled.map_err(|error| PutBlobError {
        side: Side::Destination,
        error: error.into(),
    })?;
    Ok(Settled::Copied)
}

/// Writes a blob that is in memory.
pub(super) async fn put_bytes(
    writer: &Arc<impl BlobWriter>,
    digest: &Digest,
    content: Bytes,
) -> Result<(), LocalError> {
    let (writer, digest) = (Arc::clone(writer), digest.clone());
    run_blocking(move || {
        let staged = writer.stage();
        let written = fs::write(staged.path(), &content);
        written.context("write", staged.path().display())?;
        writer.settle_blob(&digest, &staged)
    })
    .await
}

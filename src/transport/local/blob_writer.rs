//! Puts one blob into a directory, unless it is there.
//!
//! Invariant: a blob gets its name when it is complete and verified.

use std::sync::Arc;

use super::{LocalError, blocking::run_blocking, receive::receive};
use crate::{
    batch::{PlannedBlob, Settled, Side},
    files::Staged,
    oci::Digest,
    registry::{BlobPresence, RegistryLimiter},
    transport::{PutBlob, PutBlobError},
};

/// Where blobs are written. All methods block on the disk.
pub(super) trait BlobWriter: Send + Sync + 'static {
    /// A path for content that is not complete yet; removed when it is dropped.
    fn stage(&self) -> Staged;

    /// Gives staged content, verified to be `digest`, its name.
    fn settle_blob(&self, digest: &Digest, staged: &Staged) -> Result<(), LocalError>;
}

/// What `length`, that of the file with the blob's name, says about the blob.
pub(super) fn presence(length: Option<u64>, blob: &PlannedBlob) -> BlobPresence {
    match length {
        None => BlobPresence::Absent,
        Some(length) if length == blob.size => BlobPresence::Present,
        Some(length) => BlobPresence::OtherLength(length),
    }
}

/// Reads the blob of `put` from its source into `writer`. `limiter` is that of the destination.
pub(super) async fn put_blob(
    writer: &Arc<impl BlobWriter>,
    presence: BlobPresence,
    put: PutBlob<'_>,
    limiter: &RegistryLimiter,
) -> Result<Settled, PutBlobError> {
    match presence {
        BlobPresence::Present => return Ok(Settled::Present),
        BlobPresence::Absent | BlobPresence::OtherLength(_) => {}
    }
    let staged = writer.stage();
    receive(&put, limiter, staged.path()).await?;
    let (writer, digest) = (Arc::clone(writer), put.blob.digest.clone());
    let settled = run_blocking(move || writer.settle_blob(&digest, &staged)).await;
    settled.map_err(|error| PutBlobError {
        side: Side::Destination,
        error: error.into(),
    })?;
    Ok(Settled::Copied)
}

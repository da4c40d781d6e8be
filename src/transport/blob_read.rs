//! The bytes of a blob, chunk by chunk.

use async_trait::async_trait;
use bytes::Bytes;

use super::Error;

/// A blob being read. Whoever reads all of it verifies its digest.
pub type BlobStream = Box<dyn BlobRead>;

#[async_trait]
pub trait BlobRead: Send {
    /// The next bytes, at least one, or `None` at the end.
    ///
    /// # Errors
    /// If the read broke off. Another read can continue at any byte.
    async fn next(&mut self) -> Result<Option<Bytes>, Error>;
}

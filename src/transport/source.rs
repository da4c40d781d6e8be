//! What an image is read from.
//!
//! Invariant: a refused question is never answered as "there is none".

use async_trait::async_trait;

use super::{BlobStream, Error};
use crate::{
    oci::{Descriptor, Digest, Manifest, Store, Tag},
    registry::{BlobPresence, ImageBudget, RegistryLimiter, Timeouts},
};

/// Which manifest of a store is meant.
#[derive(Clone, Copy, Debug)]
pub enum Selector<'a> {
    /// The one that the location names.
    Image,
    /// The one that has this tag in the repository of the location. In local stores, names are tags; see
    /// [`StoredName::sibling`](crate::oci::StoredName::sibling).
    Tag(&'a Tag),
    Digest(&'a Digest),
}

/// Work before a manifest can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uncompressed {
    pub layers: usize,
    /// Their length as they are, in bytes.
    pub bytes: u64,
}

/// The manifests that refer to another one.
#[derive(Debug)]
pub enum Referrers {
    Listed(Vec<Descriptor>),
    /// The registry has no referrers API. There may be an index under the fallback tag.
    NoApi,
    /// The store refused the question. There may be any number of them.
    Refused(Error),
}

/// One image, and what is beside it in its store.
#[async_trait]
pub trait Source: Send + Sync {
    fn store(&self) -> &Store;

    /// The concurrency and the bytes a second of the whole store.
    fn limiter(&self) -> &RegistryLimiter;

    fn timeouts(&self) -> Timeouts {
        Timeouts::default()
    }

    /// The layers of the image that [`resolve`](Self::resolve) and [`manifest`](Self::manifest) compress before they
    /// answer.
    async fn uncompressed(&self) -> Result<Uncompressed, Error> {
        Ok(Uncompressed::default())
    }

    /// The digest of a manifest. `None` if there is none.
    async fn resolve(&self, selector: Selector<'_>) -> Result<Option<Digest>, Error>;

    /// A manifest, byte for byte, charged to `budget`. Its digest was verified.
    async fn manifest(
        &self,
        selector: Selector<'_>,
        budget: &ImageBudget<'_>,
    ) -> Result<Manifest, Error>;

    /// The manifest of a descriptor that was charged to a budget before. A manifest of another length is corrupt.
    async fn described_manifest(&self, described: &Descriptor) -> Result<Manifest, Error>;

    /// Opens a blob at `offset`, at most its length.
    async fn read_blob(&self, digest: &Digest, offset: u64) -> Result<BlobStream, Error>;

    /// Whether the store has a blob. A digest with another length is not the blob. Unless the store knows lengths, the
    /// blob is read to its end.
    async fn check_blob(&self, blob: &Descriptor) -> Result<BlobPresence, Error> {
        let mut read = match self.read_blob(&blob.digest, 0).await {
            Ok(read) => read,
            Err(error) if error.is_not_found() => return Ok(BlobPresence::Absent),
            Err(error) => return Err(error),
        };
        let mut length = 0;
        while let Some(chunk) = read.next().await? {
            length += chunk.len() as u64;
        }
        Ok(match length == blob.size {
            true => BlobPresence::Present,
            false => BlobPresence::OtherLength(length),
        })
    }

    async fn referrers(
        &self,
        subject: &Digest,
        budget: &ImageBudget<'_>,
    ) -> Result<Referrers, Error>;

    /// The digest in the store of a manifest that was converted when it was read.
    fn original(&self, _digest: &Digest) -> Option<Digest> {
        None
    }

    /// Calls `each` for every tag of the repository until it returns `false`. Local stores give the tags of their
    /// names.
    async fn for_each_tag(
        &self,
        each: &mut (dyn for<'t> FnMut(&'t str) -> bool + Send),
    ) -> Result<(), Error>;
}

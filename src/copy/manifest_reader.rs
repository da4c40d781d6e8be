//! Reads the manifests of one image at the source, within its budget.
//!
//! Decides whether an entry of an index is a manifest or a blob. Invariant: nothing is read that the image's budget was
//! not charged for.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{CopyError, error::blame, image_limits::MAX_READS};
use crate::{
    batch::Side,
    oci::{Descriptor, Manifest},
    registry::{ImageBudget, MAX_MANIFEST_BYTES, OverBudget},
    transport::{Error, Selector, Source},
};

#[derive(Clone, Copy)]
pub(super) struct ManifestReader<'a> {
    pub source: &'a dyn Source,
    pub budget: &'a ImageBudget<'a>,
}

/// An entry of an index.
pub(super) enum Child {
    Manifest(Box<Manifest>),
    Blob(Box<Descriptor>),
}

impl ManifestReader<'_> {
    /// Reads a manifest whose length no descriptor says.
    pub(super) async fn manifest(&self, selector: Selector<'_>) -> Result<Manifest, Error> {
        self.source.manifest(selector, self.budget).await
    }

    pub(super) fn admit_blobs<'d>(
        &self,
        blobs: impl IntoIterator<Item = &'d Descriptor>,
    ) -> Result<(), CopyError> {
        let admitted = self.budget.add_blobs(blobs);
        admitted.map_err(|over| self.over_budget(over))
    }

    /// Charges manifests before any of them is read.
    pub(super) async fn admit_manifests<'d>(
        &self,
        described: impl IntoIterator<Item = &'d Descriptor>,
    ) -> Result<(), CopyError> {
        let admitted = self.budget.add_manifests(described).await;
        admitted.map_err(|over| self.over_budget(over))
    }

    fn over_budget(&self, over: OverBudget) -> CopyError {
        blame(Side::Source)(Error::over_budget(self.source.store(), over))
    }

    /// Reads entries of an index. All that are described as manifests are charged before any is read.
    pub(super) async fn read_children(
        &self,
        entries: Vec<Descriptor>,
    ) -> Result<Vec<Child>, CopyError> {
        let manifests = entries
            .iter()
            .filter(|child| child.media_type.is_manifest());
        self.admit_manifests(manifests).await?;
        stream::iter(entries)
            .map(|entry| self.read_child(entry))
            .buffered(MAX_READS)
            .try_collect()
            .await
    }

    /// Reads an entry of an index. An entry of an unknown type is requested as a manifest; if there is none, or if it
    /// is too large, it is a blob (quirk 49, see registry/quirks.md).
    async fn read_child(&self, child: Descriptor) -> Result<Child, CopyError> {
        let is_manifest = child.media_type.is_manifest();
        let manifest = match is_manifest {
            true => self.source.described_manifest(&child).await,
            false if child.size > MAX_MANIFEST_BYTES => {
                self.admit_blobs([&child])?;
                return Ok(Child::Blob(Box::new(child)));
            }
            false => self.manifest(Selector::Digest(&child.digest)).await,
        };
        match manifest {
            Ok(manifest) => {
                self.admit_blobs(manifest.blobs())?;
                Ok(Child::Manifest(Box::new(manifest)))
            }
            Err(error) if error.is_not_found() && is_manifest => Err(CopyError::Incomplete {
                child: child.digest,
                error,
            }),
            Err(error) if error.is_not_found() => {
                self.admit_blobs([&child])?;
                Ok(Child::Blob(Box::new(child)))
            }
            Err(error) => Err(blame(Side::Source)(error)),
        }
    }
}

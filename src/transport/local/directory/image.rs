//! One image directory, as a source and as a destination.
//!
//! Decides what the names and digests of the engine mean in a directory. Invariant: the directory holds one image, and
//! no tags.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{reader::ImageDirectory, writer::ImageDirectoryWriter};
use crate::{
    batch::{PlannedBlob, Settled, Side},
    oci::{Descriptor, Digest, Manifest, Store},
    registry::{BlobPresence, ImageBudget, RegistryLimiter, described_as_referrer},
    transport::{
        BlobStream, Destination, Error, PutBlob, PutBlobError, PutManifest, Referrers, Selector,
        Source,
        local::{
            LocalError, LocalErrorCause,
            blob_writer::{presence, put_blob, put_bytes},
            blocking::run_blocking,
            error::Context,
            section_stream::SectionStream,
        },
    },
};

pub(super) struct DirectoryImage<A> {
    pub store: Store,
    pub limiter: Arc<RegistryLimiter>,
    pub directory: ImageDirectory,
    /// What may be done with it: nothing but reading, or a writer.
    pub access: A,
}

impl<A> DirectoryImage<A> {
    async fn find(&self, selector: Selector<'_>) -> Result<Option<Descriptor>, LocalError> {
        let directory = self.directory.clone();
        match selector {
            Selector::Image => {
                let root = run_blocking(move || directory.root()).await?;
                Ok(root.as_ref().map(described_as_referrer))
            }
            Selector::Tag(_) => Ok(None),
            Selector::Digest(digest) => {
                let digest = digest.clone();
                run_blocking(move || directory.find(&digest)).await
            }
        }
    }
}

#[async_trait]
impl<A: Send + Sync> Source for DirectoryImage<A> {
    fn store(&self) -> &Store {
        &self.store
    }

    fn limiter(&self) -> &RegistryLimiter {
        &self.limiter
    }

    async fn resolve(&self, selector: Selector<'_>) -> Result<Option<Digest>, Error> {
        Ok(self.find(selector).await?.map(|found| found.digest))
    }

    async fn manifest(
        &self,
        selector: Selector<'_>,
        budget: &ImageBudget<'_>,
    ) -> Result<Manifest, Error> {
        let place = self.directory.path().display();
        let found = self.find(selector).await?.ok_or_else(|| {
            let problem = match selector {
                Selector::Image => {
                    "it has no manifest.json: it is no image directory, or was not written completely".into()
                }
                Selector::Tag(tag) => format!("an image directory has no tags, so no {tag}"),
                Selector::Digest(digest) => format!("it has no manifest {digest}"),
            };
            LocalErrorCause::NotFound(problem).at("read", &place)
        })?;
        let charged = budget.add_manifests([&found]).await;
        charged.context("read the image of", &place)?;
        self.described_manifest(&found).await
    }

    async fn described_manifest(&self, described: &Descriptor) -> Result<Manifest, Error> {
        let (directory, image) = (self.directory.clone(), described.clone());
        let manifest = run_blocking(move || directory.manifest(&image)).await?;
        let (got, size) = (manifest.raw.len() as u64, described.size);
        match got == size {
            true => Ok(manifest),
            false => Err(Error::Corrupt {
                digest: described.digest.clone(),
                problem: format!("they are {got} instead of {size}"),
            }),
        }
    }

    async fn read_blob(&self, digest: &Digest, offset: u64) -> Result<BlobStream, Error> {
        let (directory, digest) = (self.directory.clone(), digest.clone());
        let section = run_blocking(move || directory.open_blob(&digest)).await?;
        let place = self.directory.path().display();
        Ok(Box::new(SectionStream::new(section.skip(offset), place)))
    }

    async fn check_blob(&self, blob: &Descriptor) -> Result<BlobPresence, Error> {
        let (directory, digest) = (self.directory.clone(), blob.digest.clone());
        let length = run_blocking(move || directory.length(&digest)).await?;
        Ok(presence(length, blob.size))
    }

    async fn referrers(
        &self,
        subject: &Digest,
        _budget: &ImageBudget<'_>,
    ) -> Result<Referrers, Error> {
        let (directory, subject) = (self.directory.clone(), subject.clone());
        let referrers = run_blocking(move || directory.referrers(&subject)).await;
        Ok(match referrers {
            Ok(referrers) => Referrers::Listed(referrers),
            Err(error) => Referrers::Refused(error),
        })
    }

    async fn for_each_tag(
        &self,
        _: &mut (dyn for<'t> FnMut(&'t str) -> bool + Send),
    ) -> Result<(), Error> {
        Ok(())
    }
}

#[async_trait]
impl Destination for DirectoryImage<Arc<ImageDirectoryWriter>> {
    async fn blob_presence(&self, blob: &PlannedBlob) -> Result<BlobPresence, Error> {
        let (directory, digest) = (self.directory.clone(), blob.digest.clone());
        let length = run_blocking(move || directory.length(&digest)).await?;
        Ok(presence(length, blob.size))
    }

    async fn put_blob(&self, put: PutBlob<'_>) -> Result<Settled, PutBlobError> {
        let presence = self.blob_presence(put.blob).await;
        let presence = presence.map_err(|error| PutBlobError {
            side: Side::Destination,
            error,
        })?;
        put_blob(&self.access, presence, put, self).await
    }

    async fn put_bytes(&self, digest: &Digest, content: Bytes) -> Result<(), Error> {
        Ok(put_bytes(&self.access, digest, content).await?)
    }

    async fn put_manifest(
        &self,
        selector: Selector<'_>,
        manifest: &Manifest,
    ) -> Result<PutManifest, Error> {
        let is_root = match selector {
            Selector::Image => true,
            Selector::Digest(_) => false,
            Selector::Tag(tag) => {
                let problem = format!(
                    "an image directory holds one image and no tags, so {tag} has no place in it; an OCI layout has"
                );
                let place = self.directory.path().display();
                return Err(LocalErrorCause::Unsupported(problem)
                    .at("write to", place)
                    .into());
            }
        };
        let (writer, manifest) = (Arc::clone(&self.access), manifest.clone());
        run_blocking(move || match is_root {
            true => writer.put_root(&manifest),
            false => writer.put_manifest(&manifest),
        })
        .await?;
        Ok(PutManifest {
            lists_subject: true,
        })
    }

    /// Manifests that refer to others are found by reading them.
    async fn add_referrers(&self, _: &Digest, _: &[Descriptor]) -> Result<(), Error> {
        Ok(())
    }
}

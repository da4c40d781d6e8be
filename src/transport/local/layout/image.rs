//! One image of an OCI layout, as a source and as a destination.
//!
//! Decides what the names and digests of the engine mean in a layout. Invariant: work on the disk is done beside the
//! async threads.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    reader::Layout,
    writer::{LayoutWriter, Listing},
};
use crate::{
    batch::{FailureClass, PlannedBlob, Settled, Side},
    oci::{Descriptor, Digest, Manifest, Store, StoredName, Tag},
    registry::{BlobPresence, ImageBudget, RegistryLimiter},
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

/// What may be done with an image.
pub(in crate::transport::local) trait Access: Send + Sync {
    /// Whether a name that selects no image, or no single one, is free to be written.
    const IS_WRITTEN: bool;
}

/// An image that is only read.
pub(in crate::transport::local) struct ReadOnly;

pub(in crate::transport::local) struct LayoutImage<A> {
    pub(in crate::transport::local) store: Store,
    pub(in crate::transport::local) limiter: Arc<RegistryLimiter>,
    pub(in crate::transport::local) layout: Arc<Layout>,
    pub(in crate::transport::local) name: Option<StoredName>,
    pub(in crate::transport::local) access: A,
}

impl Access for ReadOnly {
    const IS_WRITTEN: bool = false;
}

impl Access for Arc<LayoutWriter> {
    const IS_WRITTEN: bool = true;
}

impl<A: Access> LayoutImage<A> {
    /// The name of another tag of the same repository.
    fn sibling(&self, tag: &Tag) -> StoredName {
        let name = self.name.as_ref().unwrap_or(&StoredName::Position(0));
        name.sibling(tag)
    }

    /// The descriptor of a manifest.
    async fn find(&self, selector: Selector<'_>) -> Result<Descriptor, LocalError> {
        let layout = Arc::clone(&self.layout);
        match selector {
            Selector::Image => {
                let name = self.name.clone();
                run_blocking(move || layout.find(name.as_ref())).await
            }
            Selector::Tag(tag) => {
                let name = self.sibling(tag);
                run_blocking(move || layout.find(Some(&name))).await
            }
            Selector::Digest(digest) => {
                let digest = digest.clone();
                run_blocking(move || {
                    layout.find_digest(&digest)?.ok_or_else(|| {
                        let problem = format!("it has no manifest {digest}");
                        LocalErrorCause::NotFound(problem).at("read", layout.place())
                    })
                })
                .await
            }
        }
    }
}

#[async_trait]
impl<A: Access> Source for LayoutImage<A> {
    fn store(&self) -> &Store {
        &self.store
    }

    fn limiter(&self) -> &RegistryLimiter {
        &self.limiter
    }

    async fn resolve(&self, selector: Selector<'_>) -> Result<Option<Digest>, Error> {
        match self.find(selector).await {
            Ok(image) => Ok(Some(image.digest)),
            Err(error) if error.class() == FailureClass::NotFound => {
                // A source without a name that has several images says so.
                match (selector, &self.name, A::IS_WRITTEN) {
                    (Selector::Image, None, false) => Err(error.into()),
                    _ => Ok(None),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn manifest(
        &self,
        selector: Selector<'_>,
        budget: &ImageBudget<'_>,
    ) -> Result<Manifest, Error> {
        let image = self.find(selector).await?;
        let charged = budget.add_manifests([&image]).await;
        charged.context("read the image of", self.layout.place())?;
        self.described_manifest(&image).await
    }

    async fn described_manifest(&self, described: &Descriptor) -> Result<Manifest, Error> {
        let (layout, image) = (Arc::clone(&self.layout), described.clone());
        run_blocking(move || layout.manifest(&image)).await
    }

    async fn read_blob(&self, digest: &Digest, offset: u64) -> Result<BlobStream, Error> {
        let (layout, digest) = (Arc::clone(&self.layout), digest.clone());
        let section = run_blocking(move || layout.open_blob(&digest)).await?;
        let stream = SectionStream::new(section.skip(offset), self.layout.place());
        Ok(Box::new(stream))
    }

    async fn check_blob(&self, blob: &Descriptor) -> Result<BlobPresence, Error> {
        let (layout, digest) = (Arc::clone(&self.layout), blob.digest.clone());
        let length = run_blocking(move || layout.length(&digest)).await?;
        Ok(presence(length, blob.size))
    }

    async fn referrers(
        &self,
        subject: &Digest,
        _budget: &ImageBudget<'_>,
    ) -> Result<Referrers, Error> {
        let (layout, subject) = (Arc::clone(&self.layout), subject.clone());
        Ok(
            match run_blocking(move || layout.referrers(&subject)).await {
                Ok(referrers) => Referrers::Listed(referrers),
                Err(error) => Referrers::Refused(error.into()),
            },
        )
    }

    async fn for_each_tag(
        &self,
        each: &mut (dyn for<'t> FnMut(&'t str) -> bool + Send),
    ) -> Result<(), Error> {
        let layout = Arc::clone(&self.layout);
        let index = run_blocking(move || layout.index()).await?;
        for name in index.names() {
            let tag = name.rsplit(':').next().unwrap_or(name);
            let is_sibling = tag
                .parse()
                .is_ok_and(|tag| self.sibling(&tag) == StoredName::Name(name.to_owned()));
            if is_sibling && !each(tag) {
                break;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Destination for LayoutImage<Arc<LayoutWriter>> {
    async fn blob_presence(&self, blob: &PlannedBlob) -> Result<BlobPresence, Error> {
        let (layout, digest) = (Arc::clone(&self.layout), blob.digest.clone());
        let length = run_blocking(move || layout.length_with_bases(&digest)).await?;
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
        let listing = match (selector, &self.name) {
            (Selector::Digest(_), _) => Listing::IfReferrer,
            (Selector::Image, None) => Listing::Unnamed,
            (Selector::Image, Some(name)) => Listing::Named(name.to_string()),
            (Selector::Tag(tag), _) => Listing::Named(self.sibling(tag).to_string()),
        };
        let (writer, manifest) = (Arc::clone(&self.access), manifest.clone());
        run_blocking(move || writer.put_manifest(&manifest, &listing)).await?;
        Ok(PutManifest {
            lists_subject: true,
        })
    }

    /// The layout lists every manifest that has a subject.
    async fn add_referrers(&self, _: &Digest, _: &[Descriptor]) -> Result<(), Error> {
        Ok(())
    }
}

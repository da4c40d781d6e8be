//! One image of a Docker archive, as a destination.
//!
//! Decides what it is called in the archive. Invariant: nothing can be read back: manifests are made anew when an archive
//! is read, so every image is written.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    super::{LocalErrorCause, blocking::run_blocking, error::Context as _, receive::receive},
    writer::ArchiveWriter,
};
use crate::{
    batch::{PlannedBlob, Settled, Side},
    oci::{Descriptor, Digest, Manifest, Reference, Store, StoredName},
    registry::{BlobPresence, ImageBudget, RegistryLimiter},
    transport::{
        BlobStream, Destination, Error, Holds, PutBlob, PutBlobError, PutManifest, Referrers,
        Selector, Source,
    },
};

pub(in crate::transport::local) struct WrittenImage {
    pub(in crate::transport::local) store: Store,
    pub(in crate::transport::local) limiter: Arc<RegistryLimiter>,
    pub(in crate::transport::local) writer: Arc<ArchiveWriter>,
    pub(in crate::transport::local) name: Option<StoredName>,
}

impl WrittenImage {
    /// What the manifest is called in the archive.
    fn tag(&self, selector: Selector<'_>) -> Result<Option<Reference>, LocalErrorCause> {
        let sibling;
        let name = match selector {
            Selector::Image => self.name.as_ref(),
            Selector::Digest(_) => None,
            Selector::Tag(tag) => match &self.name {
                Some(name) => {
                    sibling = name.sibling(tag);
                    Some(&sibling)
                }
                None => {
                    return Err(unsupported(format!(
                        "an image without a name cannot get the tag {tag}"
                    )));
                }
            },
        };
        let name = match name {
            None => return Ok(None),
            Some(StoredName::Position(_)) => {
                return Err(unsupported(
                    "an image is written under a name, not at a position".into(),
                ));
            }
            Some(StoredName::Name(name)) => name,
        };
        let reference: Reference = name
            .parse()
            .map_err(|error| unsupported(format!("Docker allows no name {name:?}: {error}")))?;
        match reference.digest {
            None => Ok(Some(reference)),
            Some(_) => Err(unsupported(format!(
                "{name} has a digest; Docker's formats name images by tags"
            ))),
        }
    }

    fn place(&self) -> String {
        self.store.to_string()
    }

    fn missing(&self, what: String) -> Error {
        LocalErrorCause::NotFound(what)
            .at("read", self.place())
            .into()
    }
}

#[async_trait]
impl Source for WrittenImage {
    fn store(&self) -> &Store {
        &self.store
    }

    fn limiter(&self) -> &RegistryLimiter {
        &self.limiter
    }

    async fn resolve(&self, _: Selector<'_>) -> Result<Option<Digest>, Error> {
        Ok(None)
    }

    async fn manifest(&self, _: Selector<'_>, _: &ImageBudget<'_>) -> Result<Manifest, Error> {
        Err(self.missing("it is being written and has no manifests".into()))
    }

    async fn described_manifest(&self, described: &Descriptor) -> Result<Manifest, Error> {
        Err(self.missing(format!("it has no manifest {}", described.digest)))
    }

    async fn read_blob(&self, digest: &Digest, _: u64) -> Result<BlobStream, Error> {
        Err(self.missing(format!("it has no blob {digest}")))
    }

    async fn referrers(&self, _: &Digest, _: &ImageBudget<'_>) -> Result<Referrers, Error> {
        Ok(Referrers::Listed(Vec::new()))
    }

    async fn for_each_tag(
        &self,
        _: &mut (dyn for<'t> FnMut(&'t str) -> bool + Send),
    ) -> Result<(), Error> {
        Ok(())
    }
}

#[async_trait]
impl Destination for WrittenImage {
    fn holds(&self) -> Holds {
        Holds::OnePlatform
    }

    async fn blob_presence(&self, blob: &PlannedBlob) -> Result<BlobPresence, Error> {
        let (writer, blob) = (Arc::clone(&self.writer), blob.clone());
        let presence = run_blocking(move || writer.presence(&blob)).await;
        Ok(presence.context("look for a blob in", self.place())?)
    }

    async fn put_blob(&self, put: PutBlob<'_>) -> Result<Settled, PutBlobError> {
        let failed = |error| PutBlobError {
            side: Side::Destination,
            error,
        };
        let written = |cause: LocalErrorCause| failed(cause.at("write", self.place()).into());
        match self.blob_presence(put.blob).await.map_err(failed)? {
            BlobPresence::Present => return Ok(Settled::Present),
            // It is received again, and the new one replaces it.
            BlobPresence::Absent | BlobPresence::OtherLength(_) => {}
        }
        ArchiveWriter::check(put.blob).map_err(written)?;
        let staged = self.writer.stage();
        receive(&put, self, staged.path()).await?;
        let (writer, blob) = (Arc::clone(&self.writer), put.blob.clone());
        let done = run_blocking(move || writer.put_blob(&blob, &staged)).await;
        done.map_err(written)?;
        Ok(Settled::Copied)
    }

    /// Only signatures are put so, and the format has no place for them.
    async fn put_bytes(&self, digest: &Digest, _: Bytes) -> Result<(), Error> {
        let problem = format!("it holds images only, and {digest} is attached to one");
        Err(unsupported(problem).at("write", self.place()).into())
    }

    async fn put_manifest(
        &self,
        selector: Selector<'_>,
        manifest: &Manifest,
    ) -> Result<PutManifest, Error> {
        let tag = self.tag(selector).context("write", self.place())?;
        let (writer, manifest) = (Arc::clone(&self.writer), manifest.clone());
        let done = run_blocking(move || writer.put_manifest(&manifest, tag.as_ref())).await;
        done.context("write", self.place())?;
        Ok(PutManifest {
            lists_subject: false,
        })
    }

    async fn add_referrers(&self, subject: &Digest, _: &[Descriptor]) -> Result<(), Error> {
        let problem = format!("it cannot hold what refers to {subject}");
        Err(unsupported(problem).at("write", self.place()).into())
    }
}

fn unsupported(problem: String) -> LocalErrorCause {
    LocalErrorCause::Unsupported(problem)
}

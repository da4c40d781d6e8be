//! One image of a registry, and its repository, as a source and a destination.
//!
//! Decides nothing: it translates.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    open_registry::OpenRegistry,
    put_blob::{BlobUpload, presence},
};
use crate::{
    batch::{PlannedBlob, Settled},
    oci::{Descriptor, Digest, Manifest, Reference, Repository, Store, Version},
    registry::{self, BlobPresence, Client, ImageBudget, ReferrersApi, RegistryLimiter, Timeouts},
    transport::{
        BlobRead, BlobStream, Destination, Error, PutBlob, PutBlobError, PutManifest, Referrers,
        Selector, Source,
    },
};

/// An image of a registry.
pub struct RegistryImage {
    registry: Arc<OpenRegistry>,
    repository: Repository,
    version: Version,
}

impl RegistryImage {
    pub(crate) fn new(registry: Arc<OpenRegistry>, reference: &Reference) -> Self {
        Self {
            registry,
            repository: reference.repository.clone(),
            version: reference.version(),
        }
    }

    /// The image `latest`, alone.
    #[cfg(test)]
    pub(in crate::transport) fn of(client: Client, repository: &Repository) -> Self {
        Self {
            registry: Arc::new(OpenRegistry::new(Arc::new(client))),
            repository: repository.clone(),
            version: Version::Tag(crate::oci::Tag::latest()),
        }
    }

    fn client(&self) -> &Client {
        &self.registry.client
    }

    fn version(&self, selector: Selector<'_>) -> Version {
        match selector {
            Selector::Image => self.version.clone(),
            Selector::Tag(tag) => Version::Tag(tag.clone()),
            Selector::Digest(digest) => Version::Digest(digest.clone()),
        }
    }
}

#[async_trait]
impl Source for RegistryImage {
    fn store(&self) -> &Store {
        self.client().store()
    }

    fn limiter(&self) -> &RegistryLimiter {
        self.client().limiter()
    }

    fn timeouts(&self) -> Timeouts {
        self.client().timeouts()
    }

    async fn resolve(&self, selector: Selector<'_>) -> Result<Option<Digest>, Error> {
        let version = self.version(selector);
        let head = self.client().manifest_head(&self.repository, &version);
        Ok(head.await?.map(|head| head.digest))
    }

    async fn manifest(
        &self,
        selector: Selector<'_>,
        budget: &ImageBudget<'_>,
    ) -> Result<Manifest, Error> {
        let version = self.version(selector);
        let client = self.client();
        let manifest = client.manifest_within(&self.repository, &version, budget);
        Ok(manifest.await?)
    }

    async fn described_manifest(&self, described: &Descriptor) -> Result<Manifest, Error> {
        let manifest = (self.client()).described_manifest(&self.repository, described);
        Ok(manifest.await?)
    }

    async fn read_blob(&self, digest: &Digest, offset: u64) -> Result<BlobStream, Error> {
        let read = (self.client()).read_blob(&self.repository, digest, offset);
        Ok(Box::new(read.await?))
    }

    async fn check_blob(&self, blob: &Descriptor) -> Result<BlobPresence, Error> {
        let presence = (self.client()).blob_presence(&self.repository, &blob.digest, blob.size);
        Ok(presence.await?)
    }

    async fn referrers(
        &self,
        subject: &Digest,
        budget: &ImageBudget<'_>,
    ) -> Result<Referrers, Error> {
        let client = self.client();
        let api = client.referrers_api(&self.repository, subject, budget);
        Ok(match api.await? {
            ReferrersApi::Listed(referrers) => Referrers::Listed(referrers),
            ReferrersApi::Missing => Referrers::NoApi,
            ReferrersApi::Refused(error) => Referrers::Refused(error.into()),
        })
    }

    async fn for_each_tag(
        &self,
        each: &mut (dyn for<'t> FnMut(&'t str) -> bool + Send),
    ) -> Result<(), Error> {
        Ok(self.client().for_each_tag(&self.repository, each).await?)
    }
}

#[async_trait]
impl BlobRead for registry::BlobRead {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        Ok(registry::BlobRead::next(self).await?)
    }
}

#[async_trait]
impl Destination for RegistryImage {
    async fn blob_presence(&self, blob: &PlannedBlob) -> Result<BlobPresence, Error> {
        Ok(presence(&self.registry, &self.repository, blob).await?)
    }

    async fn put_blob(&self, put: PutBlob<'_>) -> Result<Settled, PutBlobError> {
        let upload = BlobUpload {
            registry: &self.registry,
            repository: &self.repository,
            put,
        };
        upload.run().await
    }

    async fn put_bytes(&self, digest: &Digest, content: Bytes) -> Result<(), Error> {
        Ok((self.client())
            .put_small_blob(&self.repository, digest, content)
            .await?)
    }

    async fn put_manifest(
        &self,
        selector: Selector<'_>,
        manifest: &Manifest,
    ) -> Result<PutManifest, Error> {
        let version = self.version(selector);
        let written = (self.client()).put_manifest(&self.repository, &version, manifest);
        Ok(PutManifest {
            lists_subject: written.await?.lists_subject,
        })
    }

    async fn add_referrers(&self, subject: &Digest, referrers: &[Descriptor]) -> Result<(), Error> {
        let added = (self.client()).add_to_fallback_index(&self.repository, subject, referrers);
        Ok(added.await?)
    }

    fn is_known_empty(&self) -> bool {
        (self.registry.new_repositories).is_known_new(&self.repository)
    }

    fn mark_used(&self) {
        self.registry.new_repositories.mark_used(&self.repository);
    }
}

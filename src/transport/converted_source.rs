//! A source whose manifests have other media types than in its store.
//!
//! Decides which manifests are converted: all below the image that have an equivalent. Children without one, such as
//! attestations, are left out of the index. Invariant: an image that has the format already is read as it is.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;

use super::{BlobStream, Error, Referrers, Selector, Source, Uncompressed};
use crate::{
    oci::{Descriptor, Digest, Manifest, ManifestFormat, Store},
    registry::{BlobPresence, ImageBudget, RegistryLimiter, Timeouts},
};

/// Nested indexes are rare. More levels are a mistake or an attack.
const MAX_DEPTH: usize = 5;

pub(super) struct ConvertedSource {
    source: Arc<dyn Source>,
    format: ManifestFormat,
    root: OnceCell<Manifest>,
    /// By their new digests: what was made here, with the digest before.
    converted: Mutex<HashMap<Digest, (Manifest, Digest)>>,
}

impl ConvertedSource {
    pub(super) fn new(source: Arc<dyn Source>, format: ManifestFormat) -> Self {
        Self {
            source,
            format,
            root: OnceCell::new(),
            converted: Mutex::default(),
        }
    }

    async fn root(&self, budget: &ImageBudget<'_>) -> Result<Manifest, Error> {
        let read = || async {
            let manifest = self.source.manifest(Selector::Image, budget).await?;
            self.convert(manifest, 0, budget).await
        };
        Ok(self.root.get_or_try_init(read).await?.clone())
    }

    /// The manifest in the format, after its children.
    fn convert<'a>(
        &'a self,
        manifest: Manifest,
        depth: usize,
        budget: &'a ImageBudget<'_>,
    ) -> BoxFuture<'a, Result<Manifest, Error>> {
        Box::pin(async move {
            let mut children = HashMap::new();
            if depth < MAX_DEPTH {
                let named = manifest.children().iter();
                for child in named.filter(|child| child.media_type.is_manifest()) {
                    let own = self
                        .source
                        .manifest(Selector::Digest(&child.digest), budget)
                        .await?;
                    if !own.has_equivalent(self.format) {
                        children.insert(child.digest.clone(), None);
                        continue;
                    }
                    let converted = self.convert(own, depth + 1, budget).await?;
                    if converted.digest != child.digest {
                        children.insert(child.digest.clone(), Some(converted));
                    }
                }
            }
            let converted = (manifest.convert(self.format, &children))
                .map_err(|error| Error::unconvertible(self.store(), error))?;
            let Some(converted) = converted else {
                return Ok(manifest);
            };
            let mut made = self
                .converted
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let origin = (converted.clone(), manifest.digest);
            made.insert(converted.digest.clone(), origin);
            Ok(converted)
        })
    }

    fn made(&self, digest: &Digest) -> Option<(Manifest, Digest)> {
        let made = self
            .converted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        made.get(digest).cloned()
    }
}

#[async_trait]
impl Source for ConvertedSource {
    fn store(&self) -> &Store {
        self.source.store()
    }

    fn limiter(&self) -> &RegistryLimiter {
        self.source.limiter()
    }

    fn timeouts(&self) -> Timeouts {
        self.source.timeouts()
    }

    async fn uncompressed(&self) -> Result<Uncompressed, Error> {
        self.source.uncompressed().await
    }

    async fn resolve(&self, selector: Selector<'_>) -> Result<Option<Digest>, Error> {
        match selector {
            Selector::Image => match self.root(&ImageBudget::new(|| ())).await {
                Ok(root) => Ok(Some(root.digest)),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error),
            },
            Selector::Digest(digest) if self.made(digest).is_some() => Ok(Some(digest.clone())),
            Selector::Tag(_) | Selector::Digest(_) => self.source.resolve(selector).await,
        }
    }

    async fn manifest(
        &self,
        selector: Selector<'_>,
        budget: &ImageBudget<'_>,
    ) -> Result<Manifest, Error> {
        match selector {
            Selector::Image => self.root(budget).await,
            Selector::Tag(_) => self.source.manifest(selector, budget).await,
            Selector::Digest(digest) => match self.made(digest) {
                Some((manifest, _)) => Ok(manifest),
                None => self.source.manifest(selector, budget).await,
            },
        }
    }

    async fn described_manifest(&self, described: &Descriptor) -> Result<Manifest, Error> {
        match self.made(&described.digest) {
            Some((manifest, _)) => Ok(manifest),
            None => self.source.described_manifest(described).await,
        }
    }

    async fn read_blob(&self, digest: &Digest, offset: u64) -> Result<BlobStream, Error> {
        self.source.read_blob(digest, offset).await
    }

    async fn check_blob(&self, blob: &Descriptor) -> Result<BlobPresence, Error> {
        self.source.check_blob(blob).await
    }

    /// Nothing refers to what was made here.
    async fn referrers(
        &self,
        subject: &Digest,
        budget: &ImageBudget<'_>,
    ) -> Result<Referrers, Error> {
        match self.made(subject) {
            Some(_) => Ok(Referrers::Listed(Vec::new())),
            None => self.source.referrers(subject, budget).await,
        }
    }

    async fn for_each_tag(
        &self,
        each: &mut (dyn for<'t> FnMut(&'t str) -> bool + Send),
    ) -> Result<(), Error> {
        self.source.for_each_tag(each).await
    }

    fn original(&self, digest: &Digest) -> Option<Digest> {
        self.made(digest).map(|(_, original)| original)
    }
}

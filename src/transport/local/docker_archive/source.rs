//! One image of a Docker archive, as a source.
//!
//! Decides what is asked of the archive. Invariant: a missing image is an error only when it is read; `resolve` answers
//! that there is none.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    super::{
        LocalErrorCause, error::Context as _, section::Section, section_stream::SectionStream,
    },
    reader::{ArchiveReader, MadeImage},
};
use crate::{
    oci::{Descriptor, Digest, Manifest, Reference, Store, StoredName},
    registry::{ImageBudget, RegistryLimiter},
    transport::{BlobStream, Error, LayerFormat, Referrers, Selector, Source, Uncompressed},
};

const READING: &str = "read the Docker archive";

pub(in crate::transport::local) struct ArchivedImage {
    pub(in crate::transport::local) store: Store,
    pub(in crate::transport::local) limiter: Arc<RegistryLimiter>,
    pub(in crate::transport::local) reader: Arc<ArchiveReader>,
    pub(in crate::transport::local) name: Option<StoredName>,
    pub(in crate::transport::local) format: LayerFormat,
}

impl ArchivedImage {
    async fn image(&self, selector: Selector<'_>) -> Result<Arc<MadeImage>, LocalErrorCause> {
        let sibling;
        let name = match selector {
            Selector::Image => self.name.as_ref(),
            Selector::Tag(tag) => match &self.name {
                Some(name) => {
                    sibling = name.sibling(tag);
                    Some(&sibling)
                }
                None => return Err(LocalErrorCause::NotFound(format!("it has no tag {tag}"))),
            },
            Selector::Digest(digest) => {
                if let Some(made) = self.reader.made_manifest(digest) {
                    return Ok(made);
                }
                let position = self.reader.find(self.name.as_ref())?;
                let image = self.reader.image(position, self.format).await?;
                let missing = || LocalErrorCause::NotFound(format!("it has no manifest {digest}"));
                return (image.manifest.digest == *digest)
                    .then_some(image)
                    .ok_or_else(missing);
            }
        };
        let position = self.reader.find(name)?;
        self.reader.image(position, self.format).await
    }

    async fn open_blob(&self, digest: &Digest) -> Result<Section, LocalErrorCause> {
        if let Some(blob) = self.reader.open_blob(digest).await? {
            return Ok(blob);
        }
        // A resume reads blobs of an image whose manifest is not made yet.
        self.image(Selector::Image).await?;
        let blob = self.reader.open_blob(digest).await?;
        blob.ok_or_else(|| LocalErrorCause::NotFound(format!("it has no blob {digest}")))
    }
}

#[async_trait]
impl Source for ArchivedImage {
    fn store(&self) -> &Store {
        &self.store
    }

    fn limiter(&self) -> &RegistryLimiter {
        &self.limiter
    }

    async fn uncompressed(&self) -> Result<Uncompressed, Error> {
        match self.reader.find(self.name.as_ref()) {
            Ok(position) => {
                let uncompressed = self.reader.uncompressed(position, self.format).await;
                Ok(uncompressed.context(READING, self.reader.path().display())?)
            }
            // Reading the image says what is missing.
            Err(_) => Ok(Uncompressed::default()),
        }
    }

    async fn resolve(&self, selector: Selector<'_>) -> Result<Option<Digest>, Error> {
        match self.image(selector).await {
            Ok(image) => Ok(Some(image.manifest.digest.clone())),
            // Without a name, several images are a mistake that must be said.
            Err(LocalErrorCause::NotFound(_)) if self.name.is_some() => Ok(None),
            Err(cause) => Err(cause.at(READING, self.reader.path().display()).into()),
        }
    }

    async fn manifest(
        &self,
        selector: Selector<'_>,
        budget: &ImageBudget<'_>,
    ) -> Result<Manifest, Error> {
        let place = self.reader.path().display();
        let image = self.image(selector).await.context(READING, place)?;
        let manifest = &image.manifest;
        let charged = budget.add_manifests([&described(manifest)]).await;
        charged.context(READING, self.reader.path().display())?;
        Ok(manifest.clone())
    }

    async fn described_manifest(&self, described: &Descriptor) -> Result<Manifest, Error> {
        let image = self.image(Selector::Digest(&described.digest)).await;
        let image = image.context(READING, self.reader.path().display())?;
        Ok(image.manifest.clone())
    }

    async fn read_blob(&self, digest: &Digest, offset: u64) -> Result<BlobStream, Error> {
        let place = self.reader.path().display();
        let blob = self.open_blob(digest).await.context(READING, place)?;
        let place = self.reader.path().display();
        Ok(Box::new(SectionStream::new(blob.skip(offset), place)))
    }

    async fn referrers(&self, _: &Digest, _: &ImageBudget<'_>) -> Result<Referrers, Error> {
        // The format has no place for them.
        Ok(Referrers::Listed(Vec::new()))
    }

    async fn for_each_tag(
        &self,
        each: &mut (dyn for<'t> FnMut(&'t str) -> bool + Send),
    ) -> Result<(), Error> {
        let own = self.name.as_ref().and_then(reference);
        for tag in self.reader.tags() {
            let Ok(tag) = tag.parse::<Reference>() else {
                continue;
            };
            let same = own.as_ref().is_none_or(|own| {
                (&own.registry, &own.repository) == (&tag.registry, &tag.repository)
            });
            if same && tag.tag.is_some_and(|tag| !each(tag.as_str())) {
                break;
            }
        }
        Ok(())
    }
}

fn reference(name: &StoredName) -> Option<Reference> {
    match name {
        StoredName::Name(name) => name.parse().ok(),
        StoredName::Position(_) => None,
    }
}

fn described(manifest: &Manifest) -> Descriptor {
    Descriptor {
        media_type: manifest.media_type.clone(),
        digest: manifest.digest.clone(),
        size: manifest.raw.len() as u64,
        platform: None,
        artifact_type: None,
        urls: Vec::new(),
        annotations: std::collections::BTreeMap::new(),
    }
}

//! Answers requests from stores.
//!
//! Decides how much is read at most. Invariant: content that is read by digest has that digest.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::{
    Answer, AnswerCache, Collection, Config, ContentStore, Error, ErrorKind, Inspection,
    ListedImage, Listing, Referrers, ReferrersSource, Request, Scope,
};
use crate::{
    oci::{Digest, LocalImage, LocalStore, Location, Store, StoredName, Transport},
    registry::ImageBudget,
    transport::{self, LayerFormat, Selector, Source, Stores, referrers_after},
};

/// The largest configs in the wild have some 100 KiB.
const MAX_CONFIG_BYTES: usize = 4 << 20;
/// Concurrent requests for one image.
const MAX_READS: usize = 6;

/// Reads from stores that it shares with others, and so their connections and tokens.
pub struct Inspector {
    stores: Arc<Stores>,
}

impl Inspector {
    #[must_use]
    pub fn new(stores: Arc<Stores>) -> Self {
        Self { stores }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// The store that failed, and why.
    pub async fn answer(&self, request: &Request) -> Result<Answer, Error> {
        let budget = ImageBudget::new(|| ());
        self.answer_within(request, &budget).await
    }

    async fn answer_within(
        &self,
        request: &Request,
        budget: &ImageBudget<'_>,
    ) -> Result<Answer, Error> {
        let failed = |error| Error::new(&request.store(), error);
        Ok(match request {
            Request::Repositories(registry) => {
                let names = self.stores.repositories(registry).await.map_err(failed)?;
                let listing = Listing::of(&names, |name| name.parse().ok());
                Answer::Repositories(Arc::new(listing))
            }
            Request::Images(collection) => {
                let listing = self.images(collection).await.map_err(failed)?;
                Answer::Images(Arc::new(listing))
            }
            Request::Root(image) => {
                let image = self.open(image).await.map_err(failed)?;
                let read = image.manifest(Selector::Image, budget).await;
                Answer::Manifest(Arc::new(read.map_err(failed)?))
            }
            Request::Manifest(content, digest) => {
                let image = self.open(&content.location()).await.map_err(failed)?;
                let read = image.manifest(Selector::Digest(digest), budget).await;
                Answer::Manifest(Arc::new(read.map_err(failed)?))
            }
            Request::Config(content, digest, media_type) => {
                let raw = self.read_config(content, digest, budget).await?;
                Answer::Config(Arc::new(Config::read(raw, media_type.clone())))
            }
            Request::Referrers(content, digest) => {
                let image = self.open(&content.location()).await.map_err(failed)?;
                let found = referrers(&*image, digest, budget).await;
                Answer::Referrers(Arc::new(found.map_err(failed)?))
            }
        })
    }

    /// Reads everything in `scope` of an image. Failures below its root are part of the inspection.
    ///
    /// # Errors
    /// The root manifest cannot be read.
    pub async fn inspect(&self, image: &Location, scope: &Scope) -> Result<Inspection, Error> {
        let mut known = AnswerCache::default();
        let budget = &ImageBudget::new(|| ());
        loop {
            let missing = Inspection::missing(image, scope, &known);
            if missing.is_empty() {
                return Inspection::of(image, scope, &known);
            }
            let mut answers = stream::iter(missing)
                .map(|request| async move {
                    let answer = self.answer_within(&request, budget).await;
                    (request, answer)
                })
                .buffer_unordered(MAX_READS);
            while let Some((request, answer)) = answers.next().await {
                known.insert(request, answer);
            }
        }
    }
    async fn open(&self, image: &Location) -> Result<Arc<dyn Source>, transport::Error> {
        self.stores.source(image, LayerFormat::AsStored).await
    }

    async fn images(
        &self,
        collection: &Collection,
    ) -> Result<Listing<ListedImage>, transport::Error> {
        Ok(match collection {
            Collection::Repository(repository) => {
                let (registry, name) = (&repository.registry, &repository.repository);
                let tags = self.stores.tags(registry, name).await?;
                Listing::of(&tags, |tag| {
                    Some(ListedImage::tagged(repository, tag.parse().ok()?))
                })
            }
            Collection::Local(store) => {
                let images = self.stores.open(store).images().await?;
                let names = images.into_iter().map(|image| Some(image.name));
                let mut listed: Vec<_> = names.map(|name| listed(store, name)).collect();
                if let Some(root) = self.root_directory(store).await? {
                    listed.push(root);
                }
                Listing::sorted(listed, 0)
            }
        })
    }

    /// The image that an image directory is, if it is one: it has no name below itself.
    async fn root_directory(
        &self,
        store: &LocalStore,
    ) -> Result<Option<ListedImage>, transport::Error> {
        match store.transport {
            Transport::Dir => {}
            Transport::Oci
            | Transport::OciArchive
            | Transport::DockerArchive
            | Transport::DockerDaemon
            | Transport::ContainersStorage => return Ok(None),
        }
        let root = listed(store, None);
        let found = self.open(&root.0).await?.resolve(Selector::Image).await?;
        Ok(found.map(|_| root))
    }

    async fn read_config(
        &self,
        content: &ContentStore,
        digest: &Digest,
        budget: &ImageBudget<'_>,
    ) -> Result<Bytes, Error> {
        let store = content.store();
        let failed = |error| Error::new(&store, error);
        let fail = |message: String, kind| Error {
            store: store.clone(),
            operation: "read the config".into(),
            message,
            kind,
            hint: None,
        };
        let image = self.open(&content.location()).await.map_err(failed)?;
        let mut blob = image.read_blob(digest, 0).await.map_err(failed)?;
        let mut raw = Vec::new();
        let mut hasher = digest.hasher();
        while let Some(chunk) = blob.next().await.map_err(failed)? {
            if raw.len() + chunk.len() > MAX_CONFIG_BYTES {
                let message = format!("sent more than {MAX_CONFIG_BYTES} bytes");
                return Err(fail(message, ErrorKind::TooLarge));
            }
            budget
                .add_config_bytes(chunk.len() as u64)
                .map_err(|over| fail(format!("holds {over}"), ErrorKind::TooLarge))?;
            hasher.update(&chunk);
            raw.extend_from_slice(&chunk);
        }
        let got = hasher.finish();
        if got != *digest {
            let message = format!("sent {got} instead of {digest}");
            return Err(fail(message, ErrorKind::Corrupt));
        }
        Ok(raw.into())
    }
}

async fn referrers(
    image: &dyn Source,
    digest: &Digest,
    budget: &ImageBudget<'_>,
) -> Result<Referrers, transport::Error> {
    let listed = image.referrers(digest, budget).await?;
    let source = match (&listed, image.store()) {
        (transport::Referrers::Listed(_), Store::Registry(_)) => ReferrersSource::Api,
        (transport::Referrers::Listed(_), Store::Local(_)) => ReferrersSource::Store,
        (transport::Referrers::NoApi | transport::Referrers::Refused(_), _) => {
            ReferrersSource::FallbackTag
        }
    };
    let entries = referrers_after(image, listed, digest, true, budget).await??;
    Ok(Referrers { entries, source })
}

fn listed(store: &LocalStore, name: Option<StoredName>) -> ListedImage {
    let store = store.clone();
    ListedImage(Location::Local(LocalImage { store, name }))
}

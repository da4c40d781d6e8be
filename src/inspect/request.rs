//! Requests to read something from a store, and their answers.

use std::sync::Arc;

use super::{Collection, Config, ContentStore, ListedImage, Listing};
use crate::oci::{Descriptor, Digest, Location, Manifest, MediaType, Registry, Repository, Store};

/// What to read. Equal requests have the same answer as long as nobody writes to the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    Repositories(Registry),
    Images(Collection),
    /// The manifest that a location names. For a location with a digest it is [`Request::Manifest`].
    Root(Location),
    Manifest(ContentStore, Digest),
    Config(ContentStore, Digest, MediaType),
    /// The referrers of this manifest.
    Referrers(ContentStore, Digest),
}

/// Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Repositories(Arc<Listing<Repository>>),
    Images(Arc<Listing<ListedImage>>),
    Manifest(Arc<Manifest>),
    Config(Arc<Config>),
    Referrers(Arc<Referrers>),
}

/// The manifests that refer to another one (distribution-spec "Listing Referrers").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrers {
    pub entries: Vec<Descriptor>,
    pub source: ReferrersSource,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferrersSource {
    Api,
    /// The tag `sha256-…` of a registry without referrers API ("Referrers Tag Schema").
    FallbackTag,
    /// A store of this machine, by its own index.
    Store,
}

impl Request {
    /// The manifest that a location names.
    #[must_use]
    pub fn manifest_of(image: &Location) -> Self {
        let digest = image
            .reference()
            .and_then(|reference| reference.digest.as_ref());
        match digest {
            Some(digest) => Self::Manifest(ContentStore::of(image), digest.clone()),
            None => Self::Root(image.clone()),
        }
    }

    pub(crate) fn store(&self) -> Store {
        match self {
            Self::Repositories(registry) => Store::Registry(registry.clone()),
            Self::Images(Collection::Repository(repository)) => {
                Store::Registry(repository.registry.clone())
            }
            Self::Images(Collection::Local(store)) => Store::Local(store.clone()),
            Self::Root(image) => image.store(),
            Self::Manifest(content, _)
            | Self::Config(content, ..)
            | Self::Referrers(content, _) => content.store(),
        }
    }
}

//! A repository in a store: what the images of a rule without a pattern have in common.
//!
//! Decides how tag and digest become a location. Invariant: two repositories are equal only if they are one place.

use std::{fmt, ops::Range};

use super::mistake::Mistake;
use crate::oci::{
    Digest, LocalImage, LocalStore, Location, Reference, Registry, Repository, Store, StoredName,
    Tag, Transport,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum StoreRepository {
    Registry(Registry, Repository),
    /// The names of a local store that differ only in their tag, and what they begin with.
    Local(LocalStore, String),
}

impl StoreRepository {
    pub(super) fn store(&self) -> Store {
        match self {
            Self::Registry(registry, _) => Store::Registry(registry.clone()),
            Self::Local(store, _) => Store::Local(store.clone()),
        }
    }

    /// An image of the repository.
    pub(super) fn image(&self, tag: Option<Tag>, digest: Option<Digest>) -> Location {
        match self {
            Self::Registry(registry, repository) => Location::Registry(Reference {
                registry: registry.clone(),
                repository: repository.clone(),
                tag,
                digest,
            }),
            Self::Local(store, name) => {
                let mut name = name.clone();
                if let Some(tag) = tag {
                    name.push_str(&format!(":{tag}"));
                }
                if let Some(digest) = digest {
                    name.push_str(&format!("@{digest}"));
                }
                Location::Local(LocalImage {
                    store: store.clone(),
                    name: Some(StoredName::Name(name)),
                })
            }
        }
    }

    /// Fails if the store names images by tags only.
    pub(super) fn check_digest(&self, at: &Range<usize>) -> Result<(), Mistake> {
        let transport = match self {
            Self::Registry(..) => return Ok(()),
            Self::Local(store, _) => store.transport,
        };
        match transport {
            Transport::Oci | Transport::OciArchive | Transport::Dir => Ok(()),
            Transport::DockerArchive | Transport::DockerDaemon | Transport::ContainersStorage => {
                let message = format!("an image of {} needs a tag", transport.name());
                Err(Mistake::new(message, at.clone()).help("give it a `to` with a tag"))
            }
        }
    }
}

/// `app at registry.example`, `app in oci:estate`.
impl fmt::Display for StoreRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(registry, repository) => write!(f, "{repository} at {registry}"),
            Self::Local(store, name) => write!(f, "{name} in {store}"),
        }
    }
}

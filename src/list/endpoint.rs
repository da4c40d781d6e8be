//! The sides of a list: where images are that have no location of their own.
//!
//! Decides what is below a side. Invariant: a path of a store is absolute if the list was read with a working directory.

use std::{ops::Range, path::PathBuf};

use super::{mistake::Mistake, prune::PruneLimit, store_repository::StoreRepository};
use crate::oci::{CopyEngine, PartialReference, Registry, Repository, RequiredKeys, Store};

/// A side of the list: a store, and the prefix of its repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub store: Store,
    pub prefix: Option<Repository>,
    /// The archives whose blobs are left out; for a destination that is an OCI archive.
    pub base: Vec<PathBuf>,
    /// What copies its images, if that is written.
    pub engine: Option<CopyEngine>,
    /// How many tags may be deleted that no image of the list has; `None` if none are. For a destination that is a
    /// registry.
    pub prune: Option<PruneLimit>,
    /// The keys of which one has to have signed its images; for a source, and if that is written.
    pub require_signature: Option<RequiredKeys>,
}

/// A `[source]` or `[destination]`.
pub(super) enum EndpointState {
    Known(Endpoint),
    /// Written, but with mistakes that were reported.
    Wrong,
    Missing,
}

impl Endpoint {
    /// The repository of a name without a location of its own. In a local store, a registry in front is a part of the
    /// name.
    pub(super) fn below(
        &self,
        name: &PartialReference,
        at: &Range<usize>,
    ) -> Result<StoreRepository, Mistake> {
        let prefix = self.prefix.as_ref().map(Repository::as_str);
        match &self.store {
            Store::Registry(registry) => {
                let repository = match prefix {
                    Some(prefix) => below(prefix, &name.repository, at)?,
                    None => name.repository.clone(),
                };
                Ok(StoreRepository::Registry(registry.clone(), repository))
            }
            Store::Local(store) => {
                let registry = name.registry.as_ref().map(Registry::as_str);
                let parts = [prefix, registry, Some(name.repository.as_str())];
                let parts: Vec<&str> = parts.into_iter().flatten().collect();
                Ok(StoreRepository::Local(store.clone(), parts.join("/")))
            }
        }
    }
}

/// A repository of a registry below `prefix`.
pub(super) fn below(
    prefix: &str,
    repository: &Repository,
    at: &Range<usize>,
) -> Result<Repository, Mistake> {
    format!("{prefix}/{repository}").parse().map_err(|error| {
        let message = format!("with its prefix this name is too long: {error}");
        Mistake::new(message, at.clone()).help("shorten the name or the prefix")
    })
}

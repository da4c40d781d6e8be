//! Carries out a planned deletion.
//!
//! Decides nothing. Invariant: only what the plan names is deleted.

use super::{Deletion, Error, Way, support::explain};
use crate::{
    oci::{Location, Registry, Repository, Version},
    registry::Limits,
    transport::{LayoutStore, Stores},
};

/// Deletes what `deletion` says.
///
/// # Errors
/// Nothing was deleted then, unless the connection broke before the answer.
pub async fn delete(stores: &Stores, deletion: &Deletion) -> Result<(), Error> {
    match &deletion.way {
        Way::Tag {
            registry,
            repository,
            tag,
        } => request(stores, registry, repository, Version::Tag(tag.clone())).await,
        Way::Manifest {
            registry,
            repository,
            digest,
            ..
        } => {
            request(
                stores,
                registry,
                repository,
                Version::Digest(digest.clone()),
            )
            .await
        }
        Way::Entries(store) => {
            let images = deletion.images.iter().filter_map(Location::local);
            let names = images.map(|image| image.name.clone()).collect();
            let layout = LayoutStore::new(store.clone(), Limits::default());
            layout.remove(names).await.map_err(Error::Local)
        }
    }
}

async fn request(
    stores: &Stores,
    registry: &Registry,
    repository: &Repository,
    version: Version,
) -> Result<(), Error> {
    let client = stores.clients().get(registry)?;
    let deleted = client.delete_manifest(repository, &version).await;
    deleted.map_err(|error| explain(error, registry))
}

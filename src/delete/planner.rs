//! Plans the deletion of images, store by store.
//!
//! Decides what belongs together: images of one repository, images of one local store. Invariant: an image that is given
//! twice is planned once.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};

use super::{Plan, Problem, local_store, repository};
use crate::{
    oci::{LocalStore, Location, Reference, Registry, Repository, StoredName},
    transport::Stores,
};

/// Repositories checked at once.
const REPOSITORIES: usize = 4;

/// Checks how each image can be deleted, and what else that hits.
pub async fn plan(stores: &Stores, images: Vec<Location>) -> Plan {
    let mut repositories: BTreeMap<(Registry, Repository), BTreeSet<Reference>> = BTreeMap::new();
    let mut local: BTreeMap<LocalStore, BTreeSet<Option<StoredName>>> = BTreeMap::new();
    for image in images {
        match image {
            Location::Registry(reference) => {
                let place = (reference.registry.clone(), reference.repository.clone());
                repositories.entry(place).or_default().insert(reference);
            }
            Location::Local(image) => {
                local.entry(image.store).or_default().insert(image.name);
            }
        }
    }
    let mut plan = Plan::default();
    let mut planned = stream::iter(repositories)
        .map(|((registry, repository), references)| {
            plan_repository(stores, registry, repository, references)
        })
        .buffered(REPOSITORIES);
    while let Some(planned) = planned.next().await {
        plan.extend(planned);
    }
    for (store, names) in local {
        plan.extend(local_store::plan(stores, &store, names).await);
    }
    plan
}

async fn plan_repository(
    stores: &Stores,
    registry: Registry,
    repository: Repository,
    references: BTreeSet<Reference>,
) -> Plan {
    match stores.clients().get(&registry) {
        Ok(client) => repository::plan(&client, &registry, &repository, references).await,
        Err(error) => {
            let problem = |reference| Problem {
                image: Location::Registry(reference),
                error: error.clone().into(),
            };
            Plan {
                problems: references.into_iter().map(problem).collect(),
                ..Plan::default()
            }
        }
    }
}

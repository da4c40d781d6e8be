//! Plans the deletion of stale tags.
//!
//! Decides which deletions are left out because they would hit more than stale tags. Invariant: nothing is deleted here.

use futures_util::{StreamExt as _, stream};

use super::kept::{Kept, KeptImages};
use crate::{
    delete::{self, Deletion, Problem, Way},
    oci::{Location, Reference, Registry, Repository, Tag},
    registry,
    transport::Stores,
};

/// Repositories whose tags are read at once. The registry's limits apply as well.
const READERS: usize = 8;

/// The deletions of stale tags, checked. Nothing is deleted yet.
#[derive(Debug, Default)]
pub struct Plan {
    pub deletions: Vec<Deletion>,
    /// They would hit an image of the list: the registry deletes tags only with their manifest, and that is needed.
    pub shared: Vec<Deletion>,
    /// Stale tags that cannot be deleted.
    pub problems: Vec<Problem>,
    /// Repositories whose tags could not be read.
    pub unread: Vec<(Repository, registry::Error)>,
    /// How many tags the repositories have, without those made of a digest.
    pub present: usize,
}

impl Plan {
    /// How many tags are deleted.
    #[must_use]
    pub fn tags(&self) -> usize {
        let deletions = self.deletions.iter();
        deletions.map(|deletion| deletion.images.len()).sum()
    }
}

/// Reads the tags of every repository, and checks how the stale ones can be deleted.
pub async fn plan(stores: &Stores, kept: &KeptImages) -> Plan {
    let mut plan = Plan::default();
    let mut stale = Vec::new();
    let mut read = stream::iter(&kept.repositories)
        .map(|(repository, kept_here)| async move {
            let tags = tags(stores, &kept.registry, repository).await;
            (repository, kept_here, tags)
        })
        .buffered(READERS);
    while let Some((repository, kept_here, tags)) = read.next().await {
        match tags {
            Ok(tags) => {
                plan.present += tags.iter().filter(|tag| kept_here.counts(tag)).count();
                let tags = tags.into_iter().filter(|tag| !kept_here.keeps(tag));
                stale.extend(tags.map(|tag| location(&kept.registry, repository, tag)));
            }
            Err(error) => plan.unread.push((repository.clone(), error)),
        }
    }
    // One that is missing was deleted since the tags were read.
    let planned = delete::plan(stores, stale).await;
    plan.problems = planned.problems;
    (plan.deletions, plan.shared) = planned
        .deletions
        .into_iter()
        .partition(|deletion| hits_only_stale_tags(deletion, kept));
    plan
}

async fn tags(
    stores: &Stores,
    registry: &Registry,
    repository: &Repository,
) -> Result<Vec<Tag>, registry::Error> {
    let client = stores.clients().get(registry)?;
    let names = client.tags(repository).await?;
    // Some registries list untagged manifests (quirk 26, see registry/quirks.md).
    let tags = names.iter().filter_map(|name| name.parse().ok());
    Ok(tags.collect())
}

fn location(registry: &Registry, repository: &Repository, tag: Tag) -> Location {
    Location::Registry(Reference {
        registry: registry.clone(),
        repository: repository.clone(),
        tag: Some(tag),
        digest: None,
    })
}

fn hits_only_stale_tags(deletion: &Deletion, kept: &KeptImages) -> bool {
    match &deletion.way {
        Way::Tag { .. } => true,
        Way::Manifest {
            repository,
            digest,
            sharing,
            ..
        } => {
            let is_kept = |kept: &Kept| kept.digests.contains(digest);
            let is_kept = kept.repositories.get(repository).is_some_and(is_kept);
            !is_kept && sharing.tags.is_empty() && sharing.indexes.is_empty()
        }
        Way::Entries(_) => false,
    }
}

//! Plans the deletion of images of one repository.
//!
//! Decides between tag and manifest: a tag where the registry deletes tags alone, else the manifest that it names.
//! Invariant: a manifest is planned only after every other tag of the repository was checked.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};

use super::{
    Deletion, Error, Plan, Problem, Sharing, Way,
    sharing::sharing,
    support::{TagDeletion, check_manifest_deletion, tag_deletion},
};
use crate::{
    oci::{Digest, Location, Reference, Registry, Repository, Tag, Version},
    registry::Client,
};

/// Manifests looked up at once. The registry's limits apply as well.
const LOOKUPS: usize = 16;

/// Checks `references`, which are all of `repository`.
pub(super) async fn plan(
    client: &Client,
    registry: &Registry,
    repository: &Repository,
    references: BTreeSet<Reference>,
) -> Plan {
    let mut plan = Plan::default();
    let (mut tags, mut manifests): (Vec<(Tag, Digest, Location)>, Manifests) = Default::default();
    let mut found = stream::iter(references)
        .map(|reference| async move {
            let version = reference.version();
            let head = client.manifest_head(repository, &version).await;
            (Location::Registry(reference), version, head)
        })
        .buffered(LOOKUPS);
    while let Some((image, version, head)) = found.next().await {
        match (head, version) {
            (Ok(None), _) => plan.missing.push(image),
            (Ok(Some(head)), Version::Tag(tag)) => tags.push((tag, head.digest, image)),
            (Ok(Some(_)), Version::Digest(digest)) => {
                manifests.entry(digest).or_default().push(image);
            }
            (Err(error), _) => plan.problems.push(Problem {
                image,
                error: error.into(),
            }),
        }
    }
    let requested: BTreeSet<Tag> = tags.iter().map(|(tag, ..)| tag.clone()).collect();
    let deletion = match tags.is_empty() {
        true => Ok(TagDeletion::Supported),
        false => tag_deletion(client, repository).await,
    };
    for (tag, digest, image) in tags {
        match &deletion {
            Ok(TagDeletion::Supported) => plan.deletions.push(Deletion {
                images: vec![image],
                way: Way::Tag {
                    registry: registry.clone(),
                    repository: repository.clone(),
                    tag,
                },
            }),
            Ok(TagDeletion::Refused) => manifests.entry(digest).or_default().push(image),
            Err(error) => plan.problems.push(Problem {
                image,
                error: error.clone().into(),
            }),
        }
    }
    if manifests.is_empty() {
        return plan;
    }
    match shared(client, registry, repository, &manifests, &requested).await {
        Ok(mut shared) => {
            for (digest, images) in manifests {
                let sharing = shared.remove(&digest).unwrap_or_default();
                let way = Way::Manifest {
                    registry: registry.clone(),
                    repository: repository.clone(),
                    digest,
                    sharing: without_own(sharing, &images),
                };
                plan.deletions.push(Deletion { images, way });
            }
        }
        Err(error) => {
            let images = manifests.into_values().flatten();
            plan.problems.extend(images.map(|image| Problem {
                image,
                error: error.clone(),
            }));
        }
    }
    plan.deletions
        .sort_by(|one, other| one.images.cmp(&other.images));
    plan
}

/// Manifests to delete, and the images that were asked for.
type Manifests = BTreeMap<Digest, Vec<Location>>;

/// What each of `manifests` shares, after the registry said that it deletes manifests.
async fn shared(
    client: &Client,
    registry: &Registry,
    repository: &Repository,
    manifests: &Manifests,
    requested: &BTreeSet<Tag>,
) -> Result<BTreeMap<Digest, Sharing>, Error> {
    check_manifest_deletion(client, registry, repository).await?;
    let digests: BTreeSet<&Digest> = manifests.keys().collect();
    sharing(client, repository, &digests, requested, LOOKUPS).await
}

/// Leaves out the tags of references that have both a tag and the digest: they were asked for.
fn without_own(mut sharing: Sharing, images: &[Location]) -> Sharing {
    let references = || images.iter().filter_map(Location::reference);
    let is_own = |tag: &Tag| references().any(|reference| reference.tag.as_ref() == Some(tag));
    sharing.tags.retain(|tag| !is_own(tag));
    sharing
}

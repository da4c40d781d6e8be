//! Finds what else in a repository a deleted manifest hits.
//!
//! Decides from one lookup for each tag, and from the children of tagged indexes. Invariant: a tag that cannot be looked
//! up is an error, never "does not name it".

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};

use super::{Error, Sharing};
use crate::{
    oci::{Digest, MediaType, Repository, Tag, Version},
    registry::{self, Client},
};

/// What a tag has to do with the manifests.
enum Relation {
    None,
    Names(Digest),
    /// It names an index that lists these.
    Lists(Vec<Digest>),
}

/// The tags beside `requested` that name or list one of `digests`; none for a digest without an entry.
pub(super) async fn sharing(
    client: &Client,
    repository: &Repository,
    digests: &BTreeSet<&Digest>,
    requested: &BTreeSet<Tag>,
    lookups: usize,
) -> Result<BTreeMap<Digest, Sharing>, Error> {
    let mut others = Vec::new();
    for name in client.tags(repository).await? {
        match name.parse::<Tag>() {
            Ok(tag) if requested.contains(&tag) => {}
            Ok(tag) => others.push(tag),
            // Some registries list untagged manifests (quirk 26, see registry/quirks.md).
            Err(_) if name.parse::<Digest>().is_ok() => {}
            Err(_) => return Err(Error::InvalidTag(name)),
        }
    }
    let mut relations = stream::iter(others)
        .map(|tag| async move { (relation(client, repository, &tag, digests).await, tag) })
        .buffered(lookups);
    let mut sharing: BTreeMap<Digest, Sharing> = BTreeMap::new();
    while let Some((relation, tag)) = relations.next().await {
        match relation? {
            Relation::None => {}
            Relation::Names(digest) => sharing.entry(digest).or_default().tags.push(tag),
            Relation::Lists(children) => {
                for child in children {
                    sharing.entry(child).or_default().indexes.push(tag.clone());
                }
            }
        }
    }
    Ok(sharing)
}

async fn relation(
    client: &Client,
    repository: &Repository,
    tag: &Tag,
    digests: &BTreeSet<&Digest>,
) -> Result<Relation, registry::Error> {
    let version = Version::Tag(tag.clone());
    let Some(head) = client.manifest_head(repository, &version).await? else {
        // It was deleted since the tags were listed.
        return Ok(Relation::None);
    };
    if digests.contains(&head.digest) {
        return Ok(Relation::Names(head.digest));
    }
    if head
        .media_type
        .is_some_and(|its: MediaType| !its.is_index())
    {
        return Ok(Relation::None);
    }
    let version = Version::Digest(head.digest);
    let index = client.manifest(repository, &version).await?;
    let children: BTreeSet<&Digest> = (index.children().iter())
        .map(|child| &child.digest)
        .filter(|child| digests.contains(child))
        .collect();
    match children.is_empty() {
        true => Ok(Relation::None),
        false => Ok(Relation::Lists(children.into_iter().cloned().collect())),
    }
}

//! What the images of a list have at one registry.
//!
//! Invariant: a repository that no image is written to is not in it, and so is never pruned.

use std::collections::{BTreeMap, BTreeSet};

use crate::oci::{Attachments, Digest, Location, Registry, Repository, Tag};

/// The tags and digests that stay, by repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptImages {
    pub registry: Registry,
    pub(super) repositories: BTreeMap<Repository, Kept>,
}

/// What stays in one repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) tags: BTreeSet<Tag>,
    pub(super) digests: BTreeSet<Digest>,
}

impl KeptImages {
    /// Those of `destinations` that are at `registry`.
    pub fn new<'a>(
        registry: Registry,
        destinations: impl IntoIterator<Item = &'a Location>,
    ) -> Self {
        let mut repositories: BTreeMap<Repository, Kept> = BTreeMap::new();
        let references = destinations.into_iter().filter_map(Location::reference);
        for reference in references.filter(|reference| reference.registry == registry) {
            let kept = match repositories.get_mut(&reference.repository) {
                Some(kept) => kept,
                None => repositories
                    .entry(reference.repository.clone())
                    .or_default(),
            };
            kept.tags.extend(reference.tag.clone());
            kept.digests.extend(reference.digest.clone());
        }
        Self {
            registry,
            repositories,
        }
    }
}

impl Kept {
    /// Whether `tag` of the repository stays. Tags that are made of a digest belong to that manifest.
    pub(super) fn keeps(&self, tag: &Tag) -> bool {
        self.tags.contains(tag) || !self.counts(tag)
    }

    /// Whether `tag` is one of an image.
    pub(super) fn counts(&self, tag: &Tag) -> bool {
        self.tags.contains(tag) || !Attachments::may_be_tag(tag.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locations(texts: &[&str]) -> Vec<Location> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn only_repositories_of_the_registry_that_images_are_written_to_are_kept() {
        let digest = Digest::of(b"x");
        let by_digest = format!("r.example/team/b@{digest}");
        let destinations = locations(&[
            "r.example/team/a:1",
            "r.example/team/a:2",
            &by_digest,
            "other.example/team/c:1",
            "oci:estate:d:1",
        ]);
        let kept = KeptImages::new("r.example".parse().unwrap(), &destinations);
        let names: Vec<&str> = kept.repositories.keys().map(Repository::as_str).collect();
        assert_eq!(names, ["team/a", "team/b"]);
        assert_eq!(kept.repositories.values().next().unwrap().tags.len(), 2);
        assert!(
            kept.repositories
                .values()
                .last()
                .unwrap()
                .digests
                .contains(&digest)
        );
    }

    #[test]
    fn tags_made_of_a_digest_stay() {
        let hex = "ab".repeat(32);
        let kept = Kept::default();
        for tag in [format!("sha256-{hex}"), format!("sha256-{hex}.sig")] {
            assert!(kept.keeps(&tag.parse().unwrap()), "{tag}");
        }
        assert!(!kept.keeps(&"1.0".parse().unwrap()));
    }
}

//! What will be deleted, and why some images cannot be.
//!
//! Decides nothing. Invariant: every image that was asked for is in one deletion, is missing, or is a problem.

use super::Error;
use crate::oci::{Digest, LocalStore, Location, Registry, Repository, Tag};

/// The deletions of some images, checked. Nothing is deleted yet.
#[derive(Debug, Default)]
pub struct Plan {
    pub deletions: Vec<Deletion>,
    /// They are not there.
    pub missing: Vec<Location>,
    pub problems: Vec<Problem>,
}

/// An image that cannot be deleted.
#[derive(Debug)]
pub struct Problem {
    pub image: Location,
    pub error: Error,
}

/// One step: a request, or a change of an `index.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// What it deletes of the images that were asked for; at least one.
    pub images: Vec<Location>,
    pub way: Way,
}

/// How images are deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// The tag alone. The manifest stays in the repository, and so do other tags.
    Tag {
        registry: Registry,
        repository: Repository,
        tag: Tag,
    },
    /// The manifest, with every tag that names it.
    Manifest {
        registry: Registry,
        repository: Repository,
        digest: Digest,
        sharing: Sharing,
    },
    /// The entries of a layout's `index.json`. Blobs stay.
    Entries(LocalStore),
}

/// What else a deleted manifest hits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sharing {
    /// Tags that name the manifest and were not asked for. They are deleted with it.
    pub tags: Vec<Tag>,
    /// Tags of indexes that list the manifest. They stay, without it.
    pub indexes: Vec<Tag>,
}

impl Plan {
    /// Adds what another plan has.
    pub(super) fn extend(&mut self, other: Self) {
        self.deletions.extend(other.deletions);
        self.missing.extend(other.missing);
        self.problems.extend(other.problems);
    }

    /// The images that will be deleted, of those that were asked for.
    #[must_use]
    pub fn images(&self) -> usize {
        let deletions = self.deletions.iter();
        deletions.map(|deletion| deletion.images.len()).sum()
    }

    /// The tags that were not asked for and will be deleted as well.
    #[must_use]
    pub fn other_tags(&self) -> usize {
        let sharing = self.deletions.iter().filter_map(Deletion::sharing);
        sharing.map(|sharing| sharing.tags.len()).sum()
    }
}

impl Deletion {
    /// What else is hit. Only manifests are shared.
    #[must_use]
    pub fn sharing(&self) -> Option<&Sharing> {
        match &self.way {
            Way::Manifest { sharing, .. } => Some(sharing),
            Way::Tag { .. } | Way::Entries(_) => None,
        }
    }
}

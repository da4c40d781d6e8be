//! Which images of which store a rule selects.
//!
//! Decides nothing. Invariant: it is complete, except for what a store or a directory must be asked.

use std::{fmt, sync::Arc};

use super::{
    filter::TagFilter,
    name_pattern::{FilePattern, NamePattern},
    spanned::Spanned,
    store_repository::StoreRepository,
    stored_parts::StoredParts,
};
use crate::oci::{Digest, LocalImage, LocalStore, Repository, Store, Tag};

#[derive(Clone, Debug)]
pub(super) enum Selection {
    Repository(StoreRepository, Choice),
    /// One image of a local store, with the tag or digest it has at its destination.
    Image {
        image: LocalImage,
        tag: Option<Tag>,
        digest: Option<Digest>,
    },
    /// Repositories of a store.
    Pattern(StorePattern, TagChoice),
    /// All images of files.
    Files(Files, TagChoice),
}

/// Which images of a repository are selected.
#[derive(Clone, Debug)]
pub(super) enum Choice {
    One {
        tag: Option<Tag>,
        digest: Option<Digest>,
    },
    Tags(Arc<[Spanned<Tag>]>),
    Filter(Arc<TagFilter>),
}

/// Which of the images that exist are selected.
#[derive(Clone, Debug)]
pub(super) enum TagChoice {
    All,
    Tags(Arc<[Tag]>),
    Filter(Arc<TagFilter>),
}

#[derive(Clone, Debug)]
pub(super) struct StorePattern {
    pub(super) store: Store,
    /// Repositories are below it, and are matched without it.
    pub(super) prefix: Option<Repository>,
    pub(super) pattern: NamePattern,
}

#[derive(Clone, Debug)]
pub(super) enum Files {
    One(LocalStore),
    Matching(FilePattern),
}

impl Selection {
    /// The store that has the images, if they are in one.
    pub(super) fn store(&self) -> Option<Store> {
        match self {
            Self::Repository(repository, _) => Some(repository.store()),
            Self::Image { image, .. } => Some(Store::Local(image.store.clone())),
            Self::Pattern(pattern, _) => Some(pattern.store.clone()),
            Self::Files(Files::One(store), _) => Some(Store::Local(store.clone())),
            Self::Files(Files::Matching(_), _) => None,
        }
    }
}

impl TagChoice {
    /// Those of `tags` that are selected.
    pub(super) fn select(&self, tags: &[Tag]) -> Vec<Tag> {
        match self {
            Self::All => tags.to_vec(),
            Self::Tags(wanted) => {
                let wanted = tags.iter().filter(|tag| wanted.contains(tag));
                wanted.cloned().collect()
            }
            Self::Filter(filter) => filter.select(tags),
        }
    }
}

impl StorePattern {
    /// The repository without the prefix, if the pattern matches it.
    pub(super) fn matched(&self, repository: &Repository) -> Option<Repository> {
        let path = self.below_prefix(repository)?;
        self.pattern.matches(&path).then_some(path)
    }

    /// As [`matched`](Self::matched), for an image in a local store.
    pub(super) fn matched_stored(&self, parts: &StoredParts) -> Option<Repository> {
        let path = self.below_prefix(&parts.repository)?;
        let name = match &self.prefix {
            None => &parts.written,
            Some(_) => path.as_str(),
        };
        (self.pattern.matches_stored(name, &path)).then_some(path)
    }

    fn below_prefix(&self, repository: &Repository) -> Option<Repository> {
        let Some(prefix) = &self.prefix else {
            return Some(repository.clone());
        };
        let below = repository.as_str().strip_prefix(prefix.as_str())?;
        below.strip_prefix('/')?.parse().ok()
    }
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(store) => fmt::Display::fmt(store, f),
            Self::Matching(pattern) => fmt::Display::fmt(pattern, f),
        }
    }
}

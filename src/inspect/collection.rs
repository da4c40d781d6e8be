//! Where images are listed, and where their content is found.
//!
//! Invariant: a store of this machine is listed like a repository whose tags are its names.

use std::fmt;

use crate::oci::{
    Digest, LocalImage, LocalStore, Location, Reference, Registry, Repository, Store, Tag, Version,
};

/// A repository in its registry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryId {
    pub registry: Registry,
    pub repository: Repository,
}

/// Images that are listed together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Collection {
    Repository(RepositoryId),
    Local(LocalStore),
}

/// Where manifests and blobs are found by their digests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ContentStore {
    Repository(RepositoryId),
    /// Some stores make a manifest when its image is read.
    Local(LocalImage),
}

/// An image of a [`Collection`]. Its text is the name that it has there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedImage(pub Location);

impl RepositoryId {
    #[must_use]
    pub fn of(reference: &Reference) -> Self {
        Self {
            registry: reference.registry.clone(),
            repository: reference.repository.clone(),
        }
    }

    fn at(&self, tag: Option<Tag>, digest: Option<Digest>) -> Location {
        Location::Registry(Reference {
            registry: self.registry.clone(),
            repository: self.repository.clone(),
            tag,
            digest,
        })
    }
}

impl Collection {
    #[must_use]
    pub fn of(image: &Location) -> Self {
        match image {
            Location::Registry(reference) => Self::Repository(RepositoryId::of(reference)),
            Location::Local(image) => Self::Local(image.store.clone()),
        }
    }
}

impl ContentStore {
    #[must_use]
    pub fn of(image: &Location) -> Self {
        match image {
            Location::Registry(reference) => Self::Repository(RepositoryId::of(reference)),
            Location::Local(image) => Self::Local(image.clone()),
        }
    }

    /// The location of a manifest. `None` in stores that name no manifest by its digest.
    #[must_use]
    pub fn locate(&self, digest: &Digest) -> Option<Location> {
        match self {
            Self::Repository(repository) => Some(repository.at(None, Some(digest.clone()))),
            Self::Local(_) => None,
        }
    }

    /// A location from which the content can be read.
    pub(super) fn location(&self) -> Location {
        match self {
            Self::Repository(repository) => repository.at(None, None),
            Self::Local(image) => Location::Local(image.clone()),
        }
    }

    pub(super) fn store(&self) -> Store {
        match self {
            Self::Repository(repository) => Store::Registry(repository.registry.clone()),
            Self::Local(image) => Store::Local(image.store.clone()),
        }
    }
}

impl ListedImage {
    #[must_use]
    pub fn tagged(repository: &RepositoryId, tag: Tag) -> Self {
        Self(repository.at(Some(tag), None))
    }

    /// Whether `location` has this name, with or without a digest.
    #[must_use]
    pub fn is(&self, location: &Location) -> bool {
        match (&self.0, location) {
            (Location::Registry(own), Location::Registry(other)) => {
                own.tag == other.tag
                    && own.repository == other.repository
                    && own.registry == other.registry
            }
            (own, other) => own == other,
        }
    }
}

impl fmt::Display for RepositoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)
    }
}

impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(repository) => fmt::Display::fmt(repository, f),
            Self::Local(store) => fmt::Display::fmt(store, f),
        }
    }
}

impl fmt::Display for ListedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Location::Registry(reference) => match reference.version() {
                Version::Tag(tag) => fmt::Display::fmt(&tag, f),
                Version::Digest(digest) => f.write_str(&digest.short()),
            },
            Location::Local(image) => match &image.name {
                Some(name) => fmt::Display::fmt(name, f),
                None => fmt::Display::fmt(&image.store, f),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_listed_by_the_name_that_its_collection_has_for_it() {
        let name = |location: &str| {
            let location: Location = location.parse().unwrap();
            ListedImage(location).to_string()
        };
        assert_eq!(name("a.example/team/api:1.2"), "1.2");
        assert_eq!(name("oci:estate:team/api:1.2"), "team/api:1.2");
        assert_eq!(name("docker-archive:app.tar:@3"), "@3");
        assert_eq!(name("dir:app"), "dir:app");
    }

    #[test]
    fn images_of_a_repository_share_their_content() {
        let content = |location: &str| ContentStore::of(&location.parse().unwrap());
        assert_eq!(content("a.example/api:1"), content("a.example/api:2"));
        // Their manifests may be made when they are read.
        let archive = "docker-archive:app.tar";
        assert_ne!(
            content(&format!("{archive}:@0")),
            content(&format!("{archive}:@1"))
        );
    }
}

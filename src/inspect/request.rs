//! Requests to read something from a registry, and their answers.

use std::{fmt, sync::Arc};

use super::{Config, Listing};
use crate::oci::{
    Descriptor, Digest, Manifest, MediaType, Reference, Registry, Repository, Tag, Version,
};

/// A repository in its registry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryId {
    pub registry: Registry,
    pub repository: Repository,
}

/// What to read. Equal requests have the same answer as long as nobody pushes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    Repositories(Registry),
    Tags(RepositoryId),
    Manifest(RepositoryId, Version),
    Config(RepositoryId, Digest, MediaType),
    /// The referrers of this manifest.
    Referrers(RepositoryId, Digest),
}

/// Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Repositories(Arc<Listing<Repository>>),
    Tags(Arc<Listing<Tag>>),
    Manifest(Arc<Manifest>),
    Config(Arc<Config>),
    Referrers(Arc<Referrers>),
}

/// The manifests that refer to another one (distribution-spec "Listing Referrers").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrers {
    pub entries: Vec<Descriptor>,
    pub source: ReferrersSource,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferrersSource {
    Api,
    /// The tag `sha256-…` of a registry without referrers API ("Referrers Tag Schema").
    FallbackTag,
}

impl RepositoryId {
    #[must_use]
    pub fn of(reference: &Reference) -> Self {
        Self {
            registry: reference.registry.clone(),
            repository: reference.repository.clone(),
        }
    }

    /// The reference of a version of this repository.
    #[must_use]
    pub fn at(&self, version: &Version) -> Reference {
        let (tag, digest) = match version {
            Version::Tag(tag) => (Some(tag.clone()), None),
            Version::Digest(digest) => (None, Some(digest.clone())),
        };
        Reference {
            registry: self.registry.clone(),
            repository: self.repository.clone(),
            tag,
            digest,
        }
    }
}

impl fmt::Display for RepositoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)
    }
}

impl Request {
    /// The manifest a reference selects.
    #[must_use]
    pub fn manifest_of(reference: &Reference) -> Self {
        Self::Manifest(RepositoryId::of(reference), reference.version())
    }

    #[must_use]
    pub fn registry(&self) -> &Registry {
        match self {
            Self::Repositories(registry) => registry,
            Self::Tags(repository)
            | Self::Manifest(repository, _)
            | Self::Config(repository, ..)
            | Self::Referrers(repository, _) => &repository.registry,
        }
    }
}

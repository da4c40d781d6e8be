//! Why the repositories or tags of a registry are not known.

use crate::{
    inspect,
    oci::{Registry, Repository},
    registry,
};

#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error("{registry} does not list its repositories: {}; name a repository, {registry}/{example}, or log in as \
        somebody who may list them", tried.join(", "))]
    Closed {
        registry: Registry,
        /// What was asked, and what it answered.
        tried: Vec<String>,
        /// The name of a repository, as far as it is known.
        example: String,
    },
    #[error(
        "Docker Hub lists the repositories of one namespace at a time; name it, such as docker.io/library"
    )]
    NoNamespace,
    #[error("{registry} has no repository {path}, and none below it")]
    NothingBelow {
        registry: Registry,
        path: Repository,
    },
    #[error(
        "there are more than {0} tags; choose fewer, with --repo, --tags, --semver or --latest"
    )]
    TooMany(usize),
    #[error(transparent)]
    Registry(#[from] registry::Error),
    #[error(transparent)]
    Image(#[from] inspect::Error),
}

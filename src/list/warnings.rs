//! What an operator should know of an expansion that stops no image.
//!
//! Invariant: a store is warned of once, however many rules ask for it.

use std::fmt;

use crate::oci::{LocalStore, Registry, Repository};

/// A problem that stops no image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A registry lists invalid tags; some list digests or empty names.
    InvalidTags {
        registry: Registry,
        repository: Repository,
        count: usize,
        example: String,
    },
    InvalidRepositories {
        registry: Registry,
        count: usize,
        example: String,
    },
    /// A local store has images that no destination can have by their name.
    UnusableNames {
        store: LocalStore,
        count: usize,
        example: String,
    },
}

#[derive(Default)]
pub(super) struct Warnings(pub(super) Vec<Warning>);

impl Warnings {
    pub(super) fn invalid_tags(
        &mut self,
        registry: &Registry,
        repository: &Repository,
        count: usize,
        example: &str,
    ) {
        self.add(Warning::InvalidTags {
            registry: registry.clone(),
            repository: repository.clone(),
            count,
            example: example.into(),
        });
    }

    pub(super) fn invalid_repositories(
        &mut self,
        registry: &Registry,
        count: usize,
        example: &str,
    ) {
        self.add(Warning::InvalidRepositories {
            registry: registry.clone(),
            count,
            example: example.into(),
        });
    }

    pub(super) fn unusable_names(&mut self, store: &LocalStore, count: usize, example: &str) {
        self.add(Warning::UnusableNames {
            store: store.clone(),
            count,
            example: example.into(),
        });
    }

    fn add(&mut self, warning: Warning) {
        if !self.0.contains(&warning) {
            self.0.push(warning);
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidTags {
                registry,
                repository,
                count,
                example,
            } => write!(
                f,
                "{registry} lists {count} invalid tags of {repository}, such as {example:?}; they are ignored"
            ),
            Self::InvalidRepositories {
                registry,
                count,
                example,
            } => write!(
                f,
                "{registry} lists {count} invalid repositories, such as {example:?}; they are ignored"
            ),
            Self::UnusableNames {
                store,
                count,
                example,
            } => write!(
                f,
                "{count} images of {store} are left out, such as {example}: no destination can have their names; \
                 list them with `to`"
            ),
        }
    }
}

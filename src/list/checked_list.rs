//! A list that was parsed and checked.
//!
//! Decides nothing. Invariant: a [`List`] has no mistake that can be known without a registry.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    num::NonZeroU16,
    sync::Arc,
};

use super::{
    images::{Choice, ImageRule},
    registries::{Endpoint, Settings},
    summary::Summary,
    text::Text,
};
use crate::oci::{Registry, Repository};

/// A list without mistakes.
pub struct List {
    pub source: Option<Endpoint>,
    pub destination: Option<Endpoint>,
    /// Every registry with settings, `[source]` and `[destination]` included.
    pub registries: BTreeMap<Registry, Settings>,
    pub defaults: Defaults,
    pub images: Vec<ImageRule>,
    pub(super) rewrites: usize,
    pub(super) text: Arc<Text>,
}

/// What holds for the whole list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// Images copied at once, if written.
    pub parallel: Option<NonZeroU16>,
    /// Attempts per image, if written.
    pub attempts: Option<NonZeroU16>,
}

impl List {
    /// The repositories whose tag lists [`expand`](Self::expand) needs.
    #[must_use]
    pub fn needs_tags(&self) -> BTreeSet<(Registry, Repository)> {
        self.filtered().map(|rule| rule.source.clone()).collect()
    }

    /// The settings for requests to `registry`.
    #[must_use]
    pub fn settings(&self, registry: &Registry) -> Settings {
        self.registries.get(registry).cloned().unwrap_or_default()
    }

    #[must_use]
    pub fn summary(&self) -> Summary {
        let images = self.images.iter().map(|rule| match &rule.choice {
            Choice::One { .. } => 1,
            Choice::Tags(tags) => tags.len(),
            Choice::Filter(_) => 0,
        });
        Summary {
            images: images.sum(),
            rewrites: self.rewrites,
            filters: self.filtered().count(),
            repositories: self.needs_tags().len(),
        }
    }

    fn filtered(&self) -> impl Iterator<Item = &ImageRule> {
        let open = |rule: &&ImageRule| matches!(rule.choice, Choice::Filter(_));
        self.images.iter().filter(open)
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List")
            .field("source", &self.source)
            .field("destination", &self.destination)
            .field("registries", &self.registries)
            .field("defaults", &self.defaults)
            .field("images", &self.images)
            .finish_non_exhaustive()
    }
}

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
    endpoint::Endpoint,
    images::ImageRule,
    registries::Settings,
    rewrite::Rewrite,
    selection::{Choice, Selection},
    skopeo_settings::SkopeoSettings,
    store_repository::StoreRepository,
    summary::Summary,
    text::Text,
};
use crate::oci::{GroupName, Registry};

/// A list without mistakes.
pub struct List {
    pub source: Option<Endpoint>,
    pub destination: Option<Endpoint>,
    /// Every registry with settings, `[source]` and `[destination]` included.
    pub registries: BTreeMap<Registry, Settings>,
    pub defaults: Defaults,
    /// What `[skopeo]` says.
    pub skopeo: SkopeoSettings,
    pub images: Vec<ImageRule>,
    pub(super) rewrites: Vec<Rewrite>,
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
    /// The settings for requests to `registry`.
    #[must_use]
    pub fn settings(&self, registry: &Registry) -> Settings {
        self.registries.get(registry).cloned().unwrap_or_default()
    }

    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary {
            rewrites: self.rewrites.len(),
            ..Summary::default()
        };
        let mut filtered: BTreeSet<&StoreRepository> = BTreeSet::new();
        for rule in &self.images {
            match &rule.selection {
                Selection::Repository(_, Choice::One { .. }) | Selection::Image { .. } => {
                    summary.images += 1;
                }
                Selection::Repository(_, Choice::Tags(tags)) => summary.images += tags.len(),
                Selection::Repository(repository, Choice::Filter(_)) => {
                    summary.filters += 1;
                    filtered.insert(repository);
                }
                Selection::Pattern(..) => summary.patterns += 1,
                Selection::Files(..) => summary.files += 1,
            }
        }
        summary.repositories = filtered.len();
        let groups: BTreeSet<&GroupName> = (self.images.iter())
            .filter_map(|rule| rule.group.as_ref())
            .collect();
        summary.groups = groups.len();
        summary
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

//! What images without keys of their own get from the list: both sides, rewrites, filters, platforms.
//!
//! Decides where an image goes that has no `to`. Invariant: a side that is missing is reported once, with the images
//! that need it.

use std::{cell::RefCell, ops::Range, sync::Arc};

use super::{
    endpoint::{Endpoint, EndpointState},
    filter::TagFilter,
    image_keys::Conversion,
    mistake::Mistake,
    reader::Reader,
    rewrite::{Rewrite, rewritten},
    spanned::Spanned,
    store_repository::StoreRepository,
};
use crate::oci::{
    Attachments, CopyEngine, GroupName, OnExisting, PartialReference, Platform, Repository,
    RequiredKeys, Store,
};

/// The settings of images without their own.
pub(super) struct ImageDefaults<'a> {
    pub(super) source: EndpointState,
    pub(super) destination: EndpointState,
    /// `None` if one of them is wrong: then no destination is known.
    pub(super) rewrites: Option<&'a [Rewrite]>,
    pub(super) filter: TagFilter,
    pub(super) platforms: Arc<[Platform]>,
    pub(super) attachments: Attachments,
    pub(super) on_existing: OnExisting,
    pub(super) conversion: Conversion,
    pub(super) engine: CopyEngine,
    pub(super) group: Option<Spanned<GroupName>>,
    pub(super) require_signature: RequiredKeys,
    /// The images that need a side which the list does not have.
    pub(super) without_source: RefCell<Vec<Range<usize>>>,
    pub(super) without_destination: RefCell<Vec<Range<usize>>>,
}

impl ImageDefaults<'_> {
    /// The side that a name without a location needs. `None` if it is wrong or missing.
    pub(super) fn source(&self, at: &Range<usize>) -> Option<&Endpoint> {
        known(&self.source, &self.without_source, at)
    }

    pub(super) fn destination(&self, at: &Range<usize>) -> Option<&Endpoint> {
        known(&self.destination, &self.without_destination, at)
    }

    /// What copies an image from one store to another that has no key of its own.
    pub(super) fn engine(&self, source: Option<&Store>, destination: Option<&Store>) -> CopyEngine {
        let sides = [(&self.source, source), (&self.destination, destination)];
        let written = sides.into_iter().filter_map(|(side, store)| match side {
            EndpointState::Known(endpoint) if Some(&endpoint.store) == store => endpoint.engine,
            EndpointState::Known(_) | EndpointState::Wrong | EndpointState::Missing => None,
        });
        let preferred = |engine: &CopyEngine| *engine == CopyEngine::Skopeo;
        written.max_by_key(preferred).unwrap_or(self.engine)
    }

    /// The keys for images of a store that have none of their own.
    pub(super) fn required_keys(&self, source: Option<&Store>) -> RequiredKeys {
        let of_source = match &self.source {
            EndpointState::Known(endpoint) if Some(&endpoint.store) == source => {
                endpoint.require_signature.as_ref()
            }
            EndpointState::Known(_) | EndpointState::Wrong | EndpointState::Missing => None,
        };
        of_source.unwrap_or(&self.require_signature).clone()
    }

    /// Where an image goes that has no `to`. `None` if something it needs is wrong or missing.
    pub(super) fn destination_of(
        &self,
        reader: &Reader,
        repository: &Repository,
        at: &Range<usize>,
    ) -> Option<StoreRepository> {
        let repository = reader.accept(rewritten(self.rewrites?, repository, at))?;
        reader.accept(self.destination(at)?.below(&plain(repository), at))
    }
}

/// As [`ImageDefaults::destination_of`], for an image that is known when the list is expanded.
pub(super) fn destination_of(
    endpoint: &Endpoint,
    rewrites: &[Rewrite],
    repository: &Repository,
    at: &Range<usize>,
) -> Result<StoreRepository, Mistake> {
    endpoint.below(&plain(rewritten(rewrites, repository, at)?), at)
}

fn plain(repository: Repository) -> PartialReference {
    PartialReference {
        registry: None,
        repository,
        tag: None,
        digest: None,
    }
}

fn known<'a>(
    side: &'a EndpointState,
    missing: &RefCell<Vec<Range<usize>>>,
    at: &Range<usize>,
) -> Option<&'a Endpoint> {
    match side {
        EndpointState::Known(endpoint) => Some(endpoint),
        EndpointState::Wrong => None,
        EndpointState::Missing => {
            missing.borrow_mut().push(at.clone());
            None
        }
    }
}

//! What each registry or local store had to do with a batch.

use std::collections::BTreeMap;

use super::{
    byte_totals::ByteTotals,
    image_report::{ImageReport, Status},
};
use crate::{batch::Side, oci::Store};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Source,
    Destination,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreTotals {
    pub role: Role,
    pub store: Store,
    pub images: usize,
    /// Images that are at their destination.
    pub arrived: usize,
    /// Images that failed because of this store.
    pub failed: usize,
    /// Absent if no image has figures.
    pub bytes: Option<ByteTotals>,
}

impl Role {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Destination => "destination",
        }
    }

    fn is_to_blame(self, side: Side) -> bool {
        match side {
            Side::Source => self == Self::Source,
            Side::Destination => self == Self::Destination,
            Side::Local => false,
        }
    }
}

impl StoreTotals {
    /// Sources before destinations, each with the most images first.
    pub(super) fn of(images: &[ImageReport]) -> Vec<Self> {
        let mut found: BTreeMap<(Role, Store), Vec<&ImageReport>> = BTreeMap::new();
        for image in images {
            let source = (Role::Source, image.source.store());
            found.entry(source).or_default().push(image);
            let destination = (Role::Destination, image.destination.store());
            found.entry(destination).or_default().push(image);
        }
        let total = |((role, store), images): ((Role, Store), Vec<&ImageReport>)| Self {
            role,
            store,
            images: images.len(),
            arrived: images
                .iter()
                .filter(|image| matches!(image.status, Status::Copied | Status::UpToDate))
                .count(),
            failed: images
                .iter()
                .filter_map(|image| image.failure.as_ref())
                .filter(|failure| role.is_to_blame(failure.side))
                .count(),
            bytes: ByteTotals::of(images.iter().copied()),
        };
        let mut totals: Vec<Self> = found.into_iter().map(total).collect();
        totals.sort_by_key(|total| (total.role, std::cmp::Reverse(total.images)));
        totals
    }
}

//! The names of images in narrow columns.
//!
//! Decides whether every row shows its store. When all images have the same store, the column title shows it.

use crate::{
    batch::Job,
    oci::{Location, Store},
    present::{Glyphs, width},
};

#[derive(Clone, Debug, Default)]
pub struct Names {
    sources: NameColumn,
    destinations: NameColumn,
}

/// Widths of the longest names as shown.
#[derive(Clone, Copy, Debug)]
pub struct Widest {
    pub source: u16,
    pub destination: u16,
}

#[derive(Clone, Debug, Default)]
struct NameColumn {
    stores: OneOrMany,
    /// Widths of the longest name with its store, and without.
    full: usize,
    name: usize,
}

#[derive(Clone, Debug, Default)]
enum OneOrMany {
    #[default]
    None,
    One(Store),
    Many,
}

impl Names {
    pub fn observe(&mut self, job: &Job) {
        self.sources.observe(&job.spec.source);
        self.destinations.observe(&job.spec.destination);
    }

    #[must_use]
    pub fn widest(&self) -> Widest {
        Widest {
            source: self.sources.widest(),
            destination: self.destinations.widest(),
        }
    }

    /// The store of all sources, if they have only one.
    #[must_use]
    pub fn source(&self) -> Option<&Store> {
        self.sources.stores.one()
    }

    /// The store of all destinations, if they have only one.
    #[must_use]
    pub fn destination(&self) -> Option<&Store> {
        self.destinations.stores.one()
    }

    #[must_use]
    pub fn clip_source(&self, glyphs: Glyphs, location: &Location, cells: u16) -> String {
        clip(self.source(), glyphs, location, cells)
    }

    #[must_use]
    pub fn clip_destination(&self, glyphs: Glyphs, location: &Location, cells: u16) -> String {
        clip(self.destination(), glyphs, location, cells)
    }
}

impl NameColumn {
    fn observe(&mut self, location: &Location) {
        let store = location.store();
        let full = width(&location.to_string());
        self.full = self.full.max(full);
        self.name = self.name.max(width(&location.name_in_store()).max(1));
        self.stores.observe(&store);
    }

    fn widest(&self) -> u16 {
        let cells = match self.stores.one() {
            Some(_) => self.name,
            None => self.full,
        };
        u16::try_from(cells).unwrap_or(u16::MAX)
    }
}

impl OneOrMany {
    fn observe(&mut self, store: &Store) {
        match self {
            Self::None => *self = Self::One(store.clone()),
            Self::One(one) if one != store => *self = Self::Many,
            Self::One(_) | Self::Many => {}
        }
    }

    fn one(&self) -> Option<&Store> {
        match self {
            Self::One(one) => Some(one),
            Self::None | Self::Many => None,
        }
    }
}

fn clip(known: Option<&Store>, glyphs: Glyphs, location: &Location, cells: u16) -> String {
    match known {
        Some(_) => glyphs.clip_name(location, usize::from(cells)),
        None => glyphs.clip_location(location, usize::from(cells)),
    }
}

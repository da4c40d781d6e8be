//! How images are called where there is little room.
//!
//! Decides whether a registry must stand in every row: when all images have the same one it stands in
//! the column's title instead.

use crate::{
    batch::Job,
    oci::{Reference, Registry},
    present::{Glyphs, width},
};

#[derive(Clone, Debug, Default)]
pub struct Names {
    sources: Side,
    destinations: Side,
}

/// Cells of the longest names, as they are shown.
#[derive(Clone, Copy, Debug)]
pub struct Widest {
    pub source: u16,
    pub destination: u16,
}

#[derive(Clone, Debug, Default)]
struct Side {
    registries: Registries,
    /// Cells of the longest name with its registry, and without.
    full: usize,
    name: usize,
}

#[derive(Clone, Debug, Default)]
enum Registries {
    #[default]
    None,
    One(Registry),
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

    /// The registry all images come from, if it is one.
    #[must_use]
    pub fn source(&self) -> Option<&Registry> {
        self.sources.registries.one()
    }

    /// The registry all images go to, if it is one.
    #[must_use]
    pub fn destination(&self) -> Option<&Registry> {
        self.destinations.registries.one()
    }

    #[must_use]
    pub fn clip_source(&self, glyphs: Glyphs, reference: &Reference, cells: u16) -> String {
        clip(self.source(), glyphs, reference, cells)
    }

    #[must_use]
    pub fn clip_destination(&self, glyphs: Glyphs, reference: &Reference, cells: u16) -> String {
        clip(self.destination(), glyphs, reference, cells)
    }
}

impl Side {
    fn observe(&mut self, reference: &Reference) {
        self.registries.observe(&reference.registry);
        let full = width(&reference.to_string());
        self.full = self.full.max(full);
        let registry = width(reference.registry.as_str()) + 1;
        self.name = self.name.max(full.saturating_sub(registry));
    }

    fn widest(&self) -> u16 {
        let cells = match self.registries.one() {
            Some(_) => self.name,
            None => self.full,
        };
        u16::try_from(cells).unwrap_or(u16::MAX)
    }
}

impl Registries {
    fn observe(&mut self, registry: &Registry) {
        match self {
            Self::None => *self = Self::One(registry.clone()),
            Self::One(one) if one != registry => *self = Self::Many,
            Self::One(_) | Self::Many => {}
        }
    }

    fn one(&self) -> Option<&Registry> {
        match self {
            Self::One(one) => Some(one),
            Self::None | Self::Many => None,
        }
    }
}

fn clip(known: Option<&Registry>, glyphs: Glyphs, reference: &Reference, cells: u16) -> String {
    match known {
        Some(_) => glyphs.clip_name(reference, usize::from(cells)),
        None => glyphs.clip_reference(reference, usize::from(cells)),
    }
}

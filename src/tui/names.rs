//! The names of images in narrow columns.
//!
//! Decides whether every row shows its registry. When all images have the same registry, the column title shows it.

use crate::{
    batch::Job,
    oci::{Reference, Registry},
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
    registries: OneOrMany,
    /// Widths of the longest name with its registry, and without.
    full: usize,
    name: usize,
}

#[derive(Clone, Debug, Default)]
enum OneOrMany {
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

    /// The registry of all sources, if they have only one.
    #[must_use]
    pub fn source(&self) -> Option<&Registry> {
        self.sources.registries.one()
    }

    /// The registry of all destinations, if they have only one.
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

impl NameColumn {
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

impl OneOrMany {
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

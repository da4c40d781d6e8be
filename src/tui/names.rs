//! How images are called where there is little room.
//!
//! Decides whether a registry must stand in every row: when all images have the same one it stands in
//! the column's title instead.

use crate::{
    batch::Job,
    oci::{Reference, Registry},
    present::Glyphs,
};

#[derive(Clone, Debug, Default)]
pub struct Names {
    sources: Registries,
    destinations: Registries,
}

#[derive(Clone, Debug, Default)]
enum Registries {
    #[default]
    None,
    One(Registry),
    Many,
}

impl Names {
    pub fn note(&mut self, job: &Job) {
        self.sources.note(&job.source.registry);
        self.destinations.note(&job.destination.registry);
    }

    /// The registry all images come from, if it is one.
    #[must_use]
    pub fn source(&self) -> Option<&Registry> {
        self.sources.one()
    }

    /// The registry all images go to, if it is one.
    #[must_use]
    pub fn destination(&self) -> Option<&Registry> {
        self.destinations.one()
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

impl Registries {
    fn note(&mut self, registry: &Registry) {
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

//! Two images being compared: what of them is read yet, and what came of it.

use super::cache::Cache;
use crate::{
    inspect::{Comparison, ComparisonResult, Error, Inspection, Line, Request, Scope},
    oci::Reference,
};

#[derive(Clone, Debug)]
pub struct Comparing {
    pub source: Reference,
    pub destination: Reference,
    pub only_differences: bool,
    pub offset: usize,
    pub state: State,
}

#[derive(Clone, Debug)]
pub enum State {
    /// So many parts are on their way.
    Reading(usize),
    /// What failed at a side's root; the others could not be compared.
    Failed(Vec<Error>),
    Ready {
        comparison: Comparison,
        /// Parts that could not be read and are not in the comparison.
        unread: Vec<Error>,
    },
}

/// One line of the comparison.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    Title(&'a str),
    Line(&'a Line),
}

impl Comparing {
    #[must_use]
    pub fn new(source: Reference, destination: Reference) -> Self {
        Self {
            source,
            destination,
            only_differences: false,
            offset: 0,
            state: State::Reading(0),
        }
    }

    /// What has to be read to compare.
    pub fn wanted(&self, cache: &Cache) -> Vec<Request> {
        let sides = [&self.source, &self.destination];
        (sides.into_iter())
            .flat_map(|side| Inspection::missing(side, &Scope::All, &cache.known))
            .collect()
    }

    /// Everything that was read for it, to be read again.
    pub fn parts(&self, cache: &Cache) -> Vec<Request> {
        let mut parts = Vec::new();
        for side in [&self.source, &self.destination] {
            parts.push(Request::manifest_of(side));
            if let Ok(inspection) = Inspection::of(side, &Scope::All, &cache.known) {
                let place = crate::inspect::RepositoryId::of(side);
                parts.push(Request::Referrers(place, inspection.digest));
            }
        }
        parts
    }

    /// Takes in what is known now.
    pub fn refresh(&mut self, cache: &Cache) {
        let wanted = self.wanted(cache).len();
        if wanted > 0 {
            self.state = State::Reading(wanted);
            return;
        }
        let look = |side| Inspection::of(side, &Scope::All, &cache.known);
        self.state = match (look(&self.source), look(&self.destination)) {
            (Ok(source), Ok(destination)) => {
                let comparison = Comparison::of(&source, &destination);
                let sides = [source, destination].into_iter();
                let unread = sides.flat_map(|side| {
                    let below = side.images.into_iter().flat_map(|image| image.errors);
                    side.errors.into_iter().chain(below)
                });
                State::Ready {
                    unread: unread.collect(),
                    comparison,
                }
            }
            (source, destination) => State::Failed(
                [source.err(), destination.err()]
                    .into_iter()
                    .flatten()
                    .collect(),
            ),
        };
    }

    /// The lines to show.
    pub fn lines(&self) -> Vec<Shown<'_>> {
        let State::Ready { comparison, .. } = &self.state else {
            return Vec::new();
        };
        let mut shown = Vec::new();
        for section in &comparison.sections {
            let lines: Vec<_> = (section.lines.iter())
                .filter(|line| !self.only_differences || line.verdict() != ComparisonResult::Same)
                .map(Shown::Line)
                .collect();
            if !lines.is_empty() {
                shown.push(Shown::Title(&section.title));
                shown.extend(lines);
            }
        }
        shown
    }
}

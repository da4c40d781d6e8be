//! The comparison of two images: how much of them is read, and the result.

use super::cache::Cache;
use crate::{
    inspect::{
        Comparison, ComparisonResult, ContentStore, Error, Inspection, Line, Request, Scope,
    },
    oci::Location,
};

#[derive(Clone, Debug)]
pub struct Comparing {
    pub source: Location,
    pub destination: Location,
    pub only_differences: bool,
    pub offset: usize,
    pub state: ComparisonState,
}

#[derive(Clone, Debug)]
pub enum ComparisonState {
    /// The number of parts being read.
    Reading(usize),
    /// Why the root manifest of a side could not be read.
    Failed(Vec<Error>),
    Ready {
        comparison: Comparison,
        /// Why parts could not be read; they are not compared.
        unread: Vec<Error>,
    },
}

/// One line of the comparison.
#[derive(Clone, Copy, Debug)]
pub enum ComparisonLine<'a> {
    Title(&'a str),
    Line(&'a Line),
}

impl Comparing {
    #[must_use]
    pub fn new(source: Location, destination: Location) -> Self {
        Self {
            source,
            destination,
            only_differences: false,
            offset: 0,
            state: ComparisonState::Reading(0),
        }
    }

    /// What has to be read before they can be compared.
    pub fn missing(&self, cache: &Cache) -> Vec<Request> {
        let sides = [&self.source, &self.destination];
        (sides.into_iter())
            .flat_map(|side| Inspection::missing(side, &Scope::All, &cache.answers))
            .collect()
    }

    /// Everything that was read for it.
    pub fn parts(&self, cache: &Cache) -> Vec<Request> {
        let mut parts = Vec::new();
        for side in [&self.source, &self.destination] {
            parts.push(Request::manifest_of(side));
            if let Ok(inspection) = Inspection::of(side, &Scope::All, &cache.answers) {
                let content = ContentStore::of(side);
                parts.push(Request::Referrers(content, inspection.digest));
            }
        }
        parts
    }

    /// Compares again with what the cache has.
    pub fn refresh(&mut self, cache: &Cache) {
        let missing = self.missing(cache).len();
        if missing > 0 {
            self.state = ComparisonState::Reading(missing);
            return;
        }
        let inspect = |side| Inspection::of(side, &Scope::All, &cache.answers);
        self.state = match (inspect(&self.source), inspect(&self.destination)) {
            (Ok(source), Ok(destination)) => {
                let comparison = Comparison::of(&source, &destination);
                let sides = [source, destination].into_iter();
                let unread = sides.flat_map(|side| {
                    let below = side.images.into_iter().flat_map(|image| image.errors);
                    side.errors.into_iter().chain(below)
                });
                ComparisonState::Ready {
                    unread: unread.collect(),
                    comparison,
                }
            }
            (source, destination) => ComparisonState::Failed(
                [source.err(), destination.err()]
                    .into_iter()
                    .flatten()
                    .collect(),
            ),
        };
    }

    /// The lines to show.
    pub fn lines(&self) -> Vec<ComparisonLine<'_>> {
        let ComparisonState::Ready { comparison, .. } = &self.state else {
            return Vec::new();
        };
        let mut shown = Vec::new();
        for section in &comparison.sections {
            let lines: Vec<_> = (section.lines.iter())
                .filter(|line| !self.only_differences || line.verdict() != ComparisonResult::Same)
                .map(ComparisonLine::Line)
                .collect();
            if !lines.is_empty() {
                shown.push(ComparisonLine::Title(&section.title));
                shown.extend(lines);
            }
        }
        shown
    }
}

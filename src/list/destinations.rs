//! The destinations of a list's images.
//!
//! Decides that no two different images have one destination, and that files are written in one way. Invariant: the
//! destinations of `images` are distinct.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    ops::Range,
};

use super::{mistake::Mistake, text::Text};
use crate::oci::{CopyEngine, CopySpec, LocalImage, LocalStore, Location, Platform, Transport};

/// One image to copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedImage {
    pub spec: CopySpec,
    /// Its line in the list, counted from 1.
    pub line: usize,
}

/// What to do when the same image is listed twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repetition {
    Mistake,
    Drop,
}

pub(super) struct Destinations<'a> {
    text: &'a Text,
    repetition: Repetition,
    pub(super) images: Vec<ResolvedImage>,
    /// The place of each image in the list.
    places: Vec<Range<usize>>,
    by_destination: HashMap<Location, usize>,
    /// The first image that is written to each file or layout.
    writers: HashMap<LocalStore, usize>,
    /// The files whose images cannot all be written, which is reported once.
    contested: HashSet<LocalStore>,
    pub(super) mistakes: Vec<Mistake>,
}

impl<'a> Destinations<'a> {
    pub(super) fn new(text: &'a Text, repetition: Repetition, expected: usize) -> Self {
        Self {
            text,
            repetition,
            images: Vec::with_capacity(expected),
            places: Vec::with_capacity(expected),
            by_destination: HashMap::with_capacity(expected),
            writers: HashMap::new(),
            contested: HashSet::new(),
            mistakes: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, spec: CopySpec, at: Range<usize>) {
        let destination = canonical(&spec.destination);
        if canonical(&spec.source) == destination {
            let message = format!("source and destination of {} are the same", spec.source);
            let help = "write a `to`, a [[rewrite]], or another store or prefix";
            self.mistakes.push(Mistake::new(message, at).help(help));
            return;
        }
        match self.by_destination.entry(destination) {
            Entry::Vacant(entry) => {
                if let Some(store) = one_writer(&spec) {
                    let first = *self
                        .writers
                        .entry(store.clone())
                        .or_insert(self.images.len());
                    if let Some(other) = self.images.get(first)
                        && let Some(mistake) = contest(&other.spec, &self.places[first], &spec, &at)
                        && self.contested.insert(store.clone())
                    {
                        self.mistakes.push(mistake);
                    }
                }
                entry.insert(self.images.len());
                let line = self.text.line(at.start);
                self.images.push(ResolvedImage { spec, line });
                self.places.push(at);
            }
            Entry::Occupied(first) => {
                let (other, there) = (&self.images[*first.get()], &self.places[*first.get()]);
                let mistake = if !same_content(&other.spec, &spec) {
                    Some(conflict(&other.spec, there, &spec, at))
                } else if self.repetition == Repetition::Mistake {
                    Some(repetition(there, &spec, at))
                } else {
                    None
                };
                self.mistakes.extend(mistake);
            }
        }
    }
}

/// The store of an image that is a file or a layout, which one program writes at a time.
fn one_writer(spec: &CopySpec) -> Option<&LocalStore> {
    let store = &spec.destination.local()?.store;
    match store.transport {
        Transport::Oci | Transport::OciArchive | Transport::DockerArchive => Some(store),
        Transport::Dir | Transport::DockerDaemon | Transport::ContainersStorage => None,
    }
}

/// Why two images cannot be written to one store.
fn contest(
    other: &CopySpec,
    there: &Range<usize>,
    image: &CopySpec,
    at: &Range<usize>,
) -> Option<Mistake> {
    let store = &image.destination.local()?.store;
    let (message, help) = match (other.engine, image.engine, store.transport) {
        (CopyEngine::Native, CopyEngine::Skopeo, _)
        | (CopyEngine::Skopeo, CopyEngine::Native, _) => (
            format!("two engines write to {store}"),
            "write one `engine` for all its images",
        ),
        (
            CopyEngine::Skopeo,
            CopyEngine::Skopeo,
            Transport::OciArchive | Transport::DockerArchive,
        ) => (
            format!("skopeo writes one image into an archive, and {store} gets several"),
            "write an archive for each of them, or engine = \"native\"",
        ),
        (CopyEngine::Native, CopyEngine::Native, _)
        | (CopyEngine::Skopeo, CopyEngine::Skopeo, _) => {
            return None;
        }
    };
    let mistake = Mistake::new(message, at.clone());
    Some(mistake.and(there.clone(), "the first image").help(help))
}

/// One location for one place: a directory is a store with a name below it, or a store of its own.
fn canonical(location: &Location) -> Location {
    match location {
        Location::Local(LocalImage {
            store,
            name: Some(name),
        }) if store.transport == Transport::Dir => {
            let place = format!("{}/{name}", store.place());
            Location::Local(LocalImage {
                store: LocalStore::new(Transport::Dir, &place),
                name: None,
            })
        }
        Location::Registry(_) | Location::Local(_) => location.clone(),
    }
}

/// Whether both write the same content.
fn same_content(one: &CopySpec, other: &CopySpec) -> bool {
    let same_source = match (&one.source, &other.source) {
        (Location::Registry(one), Location::Registry(other)) => {
            let same_place = one.registry == other.registry && one.repository == other.repository;
            one.version() == other.version() && (same_place || one.digest.is_some())
        }
        (one, other) => one == other,
    };
    one.platforms == other.platforms
        && one.format == other.format
        && one.compression == other.compression
        && one.require_signature == other.require_signature
        && same_source
}

fn conflict(other: &CopySpec, there: &Range<usize>, image: &CopySpec, at: Range<usize>) -> Mistake {
    let describe = |described: &CopySpec| {
        if image.platforms == other.platforms {
            return described.source.to_string();
        }
        let platforms: Vec<String> = described
            .platforms
            .iter()
            .map(Platform::to_string)
            .collect();
        match &*platforms.join(", ") {
            "" => format!("{} for all platforms", described.source),
            platforms => format!("{} for {platforms}", described.source),
        }
    };
    let message = format!("two different images go to {}", image.destination);
    Mistake::new(message, at)
        .label(describe(image))
        .and(there.clone(), describe(other))
        .help(
            "give one of them another destination: a `to`, or a [[rewrite]] that keeps them apart",
        )
}

fn repetition(there: &Range<usize>, image: &CopySpec, at: Range<usize>) -> Mistake {
    Mistake::new(format!("{} is listed twice", image.source), at)
        .and(there.clone(), "it is already listed here")
        .help("remove one of the two")
}

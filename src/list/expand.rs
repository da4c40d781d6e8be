//! Expands the rules of a list to the images to copy.
//!
//! Decides which tags filters select, and that no two different images have one destination. Invariant: destinations in
//! an [`Expansion`] are distinct, and its order is that of the list.

use std::{
    collections::{BTreeMap, HashMap, HashSet, btree_map::Entry as MapEntry, hash_map::Entry},
    fmt,
    ops::Range,
};

use super::{
    checked_list::List,
    images::{Choice, ImageRule},
    mistake::Mistake,
    mistakes::Mistakes,
};
use crate::oci::{CopySpec, Digest, Location, Platform, Reference, Registry, Repository, Tag};

/// The tags of repositories, as their registries list them.
pub type TagLists = BTreeMap<(Registry, Repository), Vec<String>>;

/// One image to copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedImage {
    pub spec: CopySpec,
    /// Its line in the list, counted from 1.
    pub line: usize,
}

/// The images of a list after filters were applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expansion {
    pub images: Vec<ResolvedImage>,
    pub warnings: Vec<Warning>,
}

/// A problem that stops no image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A registry lists invalid tags; some list digests or empty names.
    InvalidTags {
        registry: Registry,
        repository: Repository,
        count: usize,
        example: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidTags {
                registry,
                repository,
                count,
                example,
            } => write!(
                f,
                "{registry} lists {count} invalid tags of {repository}, such as {example:?}; they are ignored"
            ),
        }
    }
}

/// What to do when the same image is listed twice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repetition {
    Mistake,
    Drop,
}

impl List {
    /// The images to copy, with the tag lists of [`needs_tags`](Self::needs_tags); a missing one counts as empty. Fails
    /// if a filter selects nothing, or two different images have one destination.
    pub fn expand(&self, tags: &TagLists) -> Result<Expansion, Mistakes> {
        expand(self, tags)
    }
}

fn expand(list: &List, tags: &TagLists) -> Result<Expansion, Mistakes> {
    let mut images = Images::new(list, Repetition::Drop);
    let mut known: BTreeMap<&(Registry, Repository), Vec<Tag>> = BTreeMap::new();
    let mut warnings = Vec::new();
    for rule in &list.images {
        let Choice::Filter(filter) = &rule.choice else {
            images.fixed(rule);
            continue;
        };
        let available = match known.entry(&rule.source) {
            MapEntry::Occupied(tags) => tags.into_mut(),
            MapEntry::Vacant(entry) => {
                let listed = tags.get(&rule.source).map_or(&[][..], Vec::as_slice);
                entry.insert(valid(&rule.source, listed, &mut warnings))
            }
        };
        let chosen = filter.select(available);
        if chosen.is_empty() {
            let mistake = filter.no_tag(&rule.source, available, &rule.at);
            images.mistakes.push(mistake);
        }
        for tag in chosen {
            images.add(rule, Some(tag), None, rule.at.clone());
        }
    }
    Mistakes::found(&list.text, images.mistakes)?;
    Ok(Expansion {
        images: images.images,
        warnings,
    })
}

/// The mistakes among the images that are known without asking a registry.
pub(super) fn check(list: &List) -> Vec<Mistake> {
    let mut images = Images::new(list, Repetition::Mistake);
    for rule in &list.images {
        images.fixed(rule);
    }
    images.mistakes
}

/// The valid tags that a registry lists, each once.
fn valid(
    (registry, repository): &(Registry, Repository),
    listed: &[String],
    warnings: &mut Vec<Warning>,
) -> Vec<Tag> {
    let mut tags = Vec::with_capacity(listed.len());
    let mut invalid = listed.iter().filter(|text| match text.parse::<Tag>() {
        Ok(tag) => {
            tags.push(tag);
            false
        }
        Err(_) => true,
    });
    if let Some(example) = invalid.next() {
        warnings.push(Warning::InvalidTags {
            registry: registry.clone(),
            repository: repository.clone(),
            example: example.clone(),
            count: 1 + invalid.count(),
        });
    }
    let mut seen = HashSet::with_capacity(tags.len());
    tags.retain(|tag| seen.insert(tag.clone()));
    tags
}

struct Images<'a> {
    list: &'a List,
    repetition: Repetition,
    images: Vec<ResolvedImage>,
    /// The place of each image in the list.
    places: Vec<Range<usize>>,
    by_destination: HashMap<Location, usize>,
    mistakes: Vec<Mistake>,
}

impl<'a> Images<'a> {
    fn new(list: &'a List, repetition: Repetition) -> Self {
        Self {
            list,
            repetition,
            images: Vec::with_capacity(list.images.len()),
            places: Vec::with_capacity(list.images.len()),
            by_destination: HashMap::with_capacity(list.images.len()),
            mistakes: Vec::new(),
        }
    }

    /// Adds the images of a rule that does not depend on a tag list.
    fn fixed(&mut self, rule: &ImageRule) {
        match &rule.choice {
            Choice::One { tag, digest } => {
                self.add(rule, tag.clone(), digest.clone(), rule.at.clone());
            }
            Choice::Tags(tags) => {
                for tag in tags.iter() {
                    self.add(rule, Some(tag.value.clone()), None, tag.at.clone());
                }
            }
            Choice::Filter(_) => {}
        }
    }

    fn add(
        &mut self,
        rule: &ImageRule,
        tag: Option<Tag>,
        digest: Option<Digest>,
        at: Range<usize>,
    ) {
        let written = rule.to_tag.clone().or_else(|| tag.clone());
        let destination = Location::from(Reference {
            registry: rule.destination.0.clone(),
            repository: rule.destination.1.clone(),
            digest: digest.clone().filter(|_| written.is_none()),
            tag: written,
        });
        let image = ResolvedImage {
            spec: CopySpec {
                source: Location::from(Reference {
                    registry: rule.source.0.clone(),
                    repository: rule.source.1.clone(),
                    tag,
                    digest,
                }),
                destination: destination.clone(),
                platforms: rule.platforms.to_vec(),
                attachments: rule.attachments,
                on_existing: rule.on_existing,
                format: rule.conversion.format,
                compression: rule.conversion.compression,
            },
            line: self.list.text.line(at.start),
        };
        match self.by_destination.entry(destination) {
            Entry::Vacant(entry) => {
                entry.insert(self.images.len());
                self.images.push(image);
                self.places.push(at);
            }
            Entry::Occupied(first) => {
                let (other, there) = (&self.images[*first.get()], &self.places[*first.get()]);
                let mistake = if !same_content(&other.spec, &image.spec) {
                    Some(conflict(&other.spec, there, &image.spec, at))
                } else if self.repetition == Repetition::Mistake {
                    Some(repetition(there, &image.spec, at))
                } else {
                    None
                };
                self.mistakes.extend(mistake);
            }
        }
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

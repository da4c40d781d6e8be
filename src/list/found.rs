//! The images that are found in stores, for what a list selects by patterns and filters.
//!
//! Decides from answers alone. Invariant: an image that is found has the names that its store has for it.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    ops::Range,
};

use super::{
    answers::{Answers, Catalogue},
    mistake::Mistake,
    selection::{Files, StorePattern, TagChoice},
    store_paths,
    store_repository::StoreRepository,
    stored_parts::StoredParts,
    warnings::Warnings,
};
use crate::oci::{
    Digest, LocalImage, LocalStore, Location, Registry, Repository, Store, StoredName, Tag,
};

/// Existing repositories that a mistake shows as examples.
const MAX_REPOSITORIES_SHOWN: usize = 5;

/// An image in a store.
pub(super) struct Found {
    pub(super) source: Location,
    /// What its destination is made of.
    pub(super) repository: Repository,
    pub(super) tag: Option<Tag>,
    pub(super) digest: Option<Digest>,
}

/// Looks up what stores answered. The valid tags of a repository are computed once.
pub(super) struct Finder<'a> {
    answers: &'a Answers,
    tags: HashMap<StoreRepository, Vec<Tag>>,
    pub(super) warnings: Warnings,
}

impl<'a> Finder<'a> {
    pub(super) fn new(answers: &'a Answers) -> Self {
        Self {
            answers,
            tags: HashMap::new(),
            warnings: Warnings::default(),
        }
    }

    /// The valid tags of a repository, each once.
    pub(super) fn tags(&mut self, repository: &StoreRepository) -> &[Tag] {
        match self.tags.entry(repository.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let mut tags = match repository {
                    StoreRepository::Registry(registry, repository) => {
                        let place = (registry.clone(), repository.clone());
                        let listed = self.answers.tags.get(&place).map_or(&[][..], Vec::as_slice);
                        valid(listed, |count, example| {
                            self.warnings
                                .invalid_tags(registry, repository, count, example);
                        })
                    }
                    StoreRepository::Local(store, name) => {
                        stored_tags(stored(self.answers, store), name)
                    }
                };
                let mut seen = HashSet::with_capacity(tags.len());
                tags.retain(|tag| seen.insert(tag.clone()));
                unknown.insert(tags)
            }
        }
    }

    /// The images of the repositories that a pattern matches.
    pub(super) fn matching(
        &mut self,
        pattern: &StorePattern,
        choice: &TagChoice,
        at: &Range<usize>,
    ) -> Result<Vec<Found>, Mistake> {
        let (found, repositories) = match &pattern.store {
            Store::Registry(registry) => self.in_registry(registry, pattern, choice, at)?,
            Store::Local(store) => self.in_store(store, pattern, choice),
        };
        match repositories {
            Repositories::Matched if found.is_empty() => {
                let message = format!("no image of {} has such a tag", pattern.store);
                let help = "change the tags or the filter";
                Err(Mistake::new(message, at.clone()).help(help))
            }
            Repositories::Matched => Ok(found),
            Repositories::Others(existing) => {
                let message = format!(
                    "no repository of {} matches {}",
                    pattern.store, pattern.pattern
                );
                let mistake = Mistake::new(message, at.clone());
                Err(mistake.help(match (existing.is_empty(), &pattern.store) {
                    (false, _) => format!("it has for example {}", existing.join(", ")),
                    (true, Store::Registry(_)) => {
                        "it lists no repositories to these credentials".into()
                    }
                    (true, Store::Local(_)) => "it has no image with a name".into(),
                }))
            }
        }
    }

    /// The images of files.
    pub(super) fn in_files(
        &mut self,
        files: &Files,
        choice: &TagChoice,
        at: &Range<usize>,
    ) -> Result<Vec<Found>, Mistake> {
        if let Files::Matching(pattern) = files {
            let paths = self
                .answers
                .files
                .get(pattern)
                .map_or(&[][..], Vec::as_slice);
            let refused = |path: &String| store_paths::in_location(pattern.transport, path).err();
            if let Some(message) = paths.iter().find_map(refused) {
                return Err(Mistake::new(message, at.clone()).help("rename it"));
            }
            if paths.is_empty() {
                let message = format!("nothing matches {pattern}");
                let help =
                    "paths are relative to the working directory; * does not match a /, ** does";
                return Err(Mistake::new(message, at.clone()).help(help));
            }
        }
        let mut images = Vec::new();
        for store in self.answers.stores(files) {
            let names = stored(self.answers, &store);
            match names {
                // Its only image has no name.
                [] => self.divide(&store, &[None], &mut images),
                names => {
                    let names: Vec<_> = names.iter().map(Some).collect();
                    self.divide(&store, &names, &mut images);
                }
            }
        }
        let found = select(images, choice);
        match found.is_empty() {
            true => {
                let message = format!("no image of {files} is selected");
                let help = "change the tags or the filter, or give the images names with `to`";
                Err(Mistake::new(message, at.clone()).help(help))
            }
            false => Ok(found),
        }
    }

    fn in_registry(
        &mut self,
        registry: &Registry,
        pattern: &StorePattern,
        choice: &TagChoice,
        at: &Range<usize>,
    ) -> Result<(Vec<Found>, Repositories), Mistake> {
        let listed = match self.answers.repositories.get(registry) {
            None => &[][..],
            Some(Catalogue::Listed(names)) => names.as_slice(),
            Some(Catalogue::None(why)) => {
                let message = format!("registry {registry} has no catalogue");
                return Err(Mistake::new(message, at.clone())
                    .label(why.clone())
                    .help("name the repositories, or log in as a user who may list them"));
            }
        };
        let repositories: Vec<Repository> = valid(listed, |count, example| {
            self.warnings.invalid_repositories(registry, count, example);
        });
        let mut found = Vec::new();
        let mut matched = false;
        for repository in &repositories {
            let Some(path) = pattern.matched(repository) else {
                continue;
            };
            matched = true;
            let repository = StoreRepository::Registry(registry.clone(), repository.clone());
            for tag in choice.select(self.tags(&repository)) {
                found.push(Found {
                    source: repository.image(Some(tag.clone()), None),
                    repository: path.clone(),
                    tag: Some(tag),
                    digest: None,
                });
            }
        }
        Ok((found, Repositories::new(matched, &repositories)))
    }

    fn in_store(
        &mut self,
        store: &LocalStore,
        pattern: &StorePattern,
        choice: &TagChoice,
    ) -> (Vec<Found>, Repositories) {
        let mut images = Vec::new();
        let names: Vec<_> = stored(self.answers, store).iter().map(Some).collect();
        self.divide(store, &names, &mut images);
        let mut repositories = Vec::new();
        let mut matching = Vec::new();
        for mut image in images {
            match pattern.matched_stored(&image.parts) {
                Some(path) => {
                    image.parts.repository = path;
                    matching.push(image);
                }
                None => repositories.push(image.parts.repository),
            }
        }
        let repositories = Repositories::new(!matching.is_empty(), &repositories);
        (select(matching, choice), repositories)
    }

    /// Adds the images of a store whose names are references, and warns of others.
    fn divide(
        &mut self,
        store: &LocalStore,
        names: &[Option<&StoredName>],
        images: &mut Vec<Stored>,
    ) {
        let mut unusable = Vec::new();
        for name in names {
            let image = LocalImage {
                store: store.clone(),
                name: name.cloned(),
            };
            match StoredParts::of(&image) {
                Some(parts) => images.push(Stored { image, parts }),
                None => unusable.push(image.to_string()),
            }
        }
        if let Some(example) = unusable.first() {
            self.warnings.unusable_names(store, unusable.len(), example);
        }
    }
}

/// An image of a local store whose name is a reference.
struct Stored {
    image: LocalImage,
    parts: StoredParts,
}

/// Whether a pattern matches a repository; if not, some that exist.
enum Repositories {
    Matched,
    Others(Vec<String>),
}

impl Repositories {
    fn new(matched: bool, all: &[Repository]) -> Self {
        match matched {
            true => Self::Matched,
            false => {
                let some = all.iter().take(MAX_REPOSITORIES_SHOWN);
                Self::Others(some.map(ToString::to_string).collect())
            }
        }
    }
}

fn stored<'a>(answers: &'a Answers, store: &LocalStore) -> &'a [StoredName] {
    answers.images.get(store).map_or(&[], Vec::as_slice)
}

/// The images whose tags are selected, repository by repository.
fn select(images: Vec<Stored>, choice: &TagChoice) -> Vec<Found> {
    let found = |image: Stored| Found {
        source: Location::Local(image.image),
        repository: image.parts.repository,
        tag: image.parts.tag,
        digest: image.parts.digest,
    };
    match choice {
        TagChoice::All => return images.into_iter().map(found).collect(),
        TagChoice::Tags(_) | TagChoice::Filter(_) => {}
    }
    let mut repositories: Vec<HashMap<Tag, Stored>> = Vec::new();
    let mut tags: Vec<Vec<Tag>> = Vec::new();
    let mut positions: HashMap<(LocalStore, String), usize> = HashMap::new();
    for image in images {
        let Some(tag) = image.parts.tag.clone() else {
            continue;
        };
        let key = (image.image.store.clone(), image.parts.written.clone());
        let position = *positions.entry(key).or_insert(repositories.len());
        if position == repositories.len() {
            repositories.push(HashMap::new());
            tags.push(Vec::new());
        }
        tags[position].push(tag.clone());
        repositories[position].insert(tag, image);
    }
    let selected = repositories
        .into_iter()
        .zip(tags)
        .flat_map(|(mut images, tags)| {
            let tags = choice.select(&tags).into_iter();
            tags.filter_map(move |tag| images.remove(&tag))
                .collect::<Vec<_>>()
        });
    selected.map(found).collect()
}

/// The tags of names that begin with `name`.
fn stored_tags(names: &[StoredName], name: &str) -> Vec<Tag> {
    let tag = |stored: &StoredName| match stored {
        StoredName::Name(stored) => stored.strip_prefix(name)?.strip_prefix(':')?.parse().ok(),
        StoredName::Position(_) => None,
    };
    names.iter().filter_map(tag).collect()
}

/// The names that are valid. `warn` gets the number of others, and one of them.
fn valid<T: std::str::FromStr>(names: &[String], warn: impl FnOnce(usize, &str)) -> Vec<T> {
    let mut valid = Vec::with_capacity(names.len());
    let mut invalid = names.iter().filter(|text| match text.parse() {
        Ok(name) => {
            valid.push(name);
            false
        }
        Err(_) => true,
    });
    if let Some(example) = invalid.next() {
        warn(1 + invalid.count(), example);
    }
    valid
}

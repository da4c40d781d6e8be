//! What a list must know of stores and directories before its images are known.
//!
//! Decides what to ask next; asks nobody. Invariant: after two rounds of answers there are no more questions.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    checked_list::List,
    name_pattern::FilePattern,
    selection::{Choice, Files, Selection, StorePattern},
    store_paths,
    store_repository::StoreRepository,
};
use crate::oci::{LocalStore, Registry, Repository, Store, StoredName};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// The files or directories that a pattern matches.
    Files(FilePattern),
    /// The repositories of a registry.
    Repositories(Registry),
    /// The tags of a repository.
    Tags(Registry, Repository),
    /// The images in a local store.
    Images(LocalStore),
}

/// The answers so far.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// Complete paths.
    pub files: BTreeMap<FilePattern, Vec<String>>,
    pub repositories: BTreeMap<Registry, Catalogue>,
    /// As registries spell them; they may be invalid.
    pub tags: BTreeMap<(Registry, Repository), Vec<String>>,
    pub images: BTreeMap<LocalStore, Vec<StoredName>>,
}

/// The repositories of a registry, as it spells them.
#[derive(Clone, Debug)]
pub enum Catalogue {
    Listed(Vec<String>),
    /// The registry does not list its repositories, and why.
    None(String),
}

impl List {
    /// What [`expand`](Self::expand) must know beside `answers`. Some answers lead to more questions.
    #[must_use]
    pub fn questions(&self, answers: &Answers) -> BTreeSet<Question> {
        let mut questions = BTreeSet::new();
        for rule in &self.images {
            match &rule.selection {
                Selection::Repository(repository, Choice::Filter(_)) => {
                    questions.insert(tags_of(repository));
                }
                Selection::Repository(_, Choice::One { .. } | Choice::Tags(_))
                | Selection::Image { .. } => {}
                Selection::Pattern(pattern, _) => {
                    ask_for_pattern(pattern, answers, &mut questions);
                }
                Selection::Files(files, _) => ask_for_files(files, answers, &mut questions),
            }
        }
        questions.retain(|question| !answers.has(question));
        questions
    }
}

impl Answers {
    /// Takes in more answers.
    pub fn add(&mut self, more: Self) {
        let Self {
            files,
            repositories,
            tags,
            images,
        } = more;
        self.files.extend(files);
        self.repositories.extend(repositories);
        self.tags.extend(tags);
        self.images.extend(images);
    }

    fn has(&self, question: &Question) -> bool {
        match question {
            Question::Files(pattern) => self.files.contains_key(pattern),
            Question::Repositories(registry) => self.repositories.contains_key(registry),
            Question::Tags(registry, repository) => {
                let repository = (registry.clone(), repository.clone());
                self.tags.contains_key(&repository)
            }
            Question::Images(store) => self.images.contains_key(store),
        }
    }

    /// The stores of files that are known.
    pub(super) fn stores(&self, files: &Files) -> Vec<LocalStore> {
        match files {
            Files::One(store) => vec![store.clone()],
            Files::Matching(pattern) => {
                let paths = self.files.get(pattern).into_iter().flatten();
                let transport = pattern.transport;
                paths
                    .filter(|path| store_paths::in_location(transport, path).is_ok())
                    .map(|path| LocalStore::new(transport, path))
                    .collect()
            }
        }
    }
}

fn tags_of(repository: &StoreRepository) -> Question {
    match repository {
        StoreRepository::Registry(registry, repository) => {
            Question::Tags(registry.clone(), repository.clone())
        }
        StoreRepository::Local(store, _) => Question::Images(store.clone()),
    }
}

fn ask_for_pattern(pattern: &StorePattern, answers: &Answers, questions: &mut BTreeSet<Question>) {
    let registry = match &pattern.store {
        Store::Local(store) => {
            questions.insert(Question::Images(store.clone()));
            return;
        }
        Store::Registry(registry) => registry,
    };
    match answers.repositories.get(registry) {
        None => {
            questions.insert(Question::Repositories(registry.clone()));
        }
        Some(Catalogue::None(_)) => {}
        Some(Catalogue::Listed(names)) => {
            let repositories = names.iter().filter_map(|name| name.parse().ok());
            let matching = repositories.filter(|repository| pattern.matched(repository).is_some());
            questions
                .extend(matching.map(|repository| Question::Tags(registry.clone(), repository)));
        }
    }
}

fn ask_for_files(files: &Files, answers: &Answers, questions: &mut BTreeSet<Question>) {
    if let Files::Matching(pattern) = files {
        questions.insert(Question::Files(pattern.clone()));
    }
    questions.extend(answers.stores(files).into_iter().map(Question::Images));
}

//! What the operator marked for a list: repositories, stores and images.
//!
//! Invariant: a mark on a repository or store stands for all its images, so none of them is marked beside it.

use std::collections::BTreeSet;

use crate::{
    inspect::{Collection, RepositoryId},
    oci::{LocalStore, Location, Registry, Repository},
};

/// One mark. In the order of lists: a registry's repositories and images by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// All tags of a repository.
    Repository(Registry, Repository),
    /// All images of a store of this machine.
    Store(LocalStore),
    Image(Location),
}

#[derive(Clone, Debug, Default)]
pub struct Marks(BTreeSet<Mark>);

/// Marked images, to be written as a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedList {
    /// As the operator typed it.
    pub file: String,
    /// The operator agreed to replace the file.
    pub replaces: bool,
    pub marks: Vec<Mark>,
}

/// Why a list of marks was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteMarksError {
    /// The operator has to agree first.
    Exists,
    Failed(String),
}

impl Mark {
    /// What a whole list of images is marked as.
    #[must_use]
    pub fn of(collection: &Collection) -> Self {
        match collection {
            Collection::Repository(RepositoryId {
                registry,
                repository,
            }) => Self::Repository(registry.clone(), repository.clone()),
            Collection::Local(store) => Self::Store(store.clone()),
        }
    }

    /// The list of images that this is, or is one of.
    fn collection(&self) -> Self {
        match self {
            Self::Image(image) => Self::of(&Collection::of(image)),
            whole @ (Self::Repository(..) | Self::Store(_)) => whole.clone(),
        }
    }
}

impl Marks {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Mark> {
        self.0.iter()
    }

    /// Whether it is marked, by itself or with its repository.
    #[must_use]
    pub fn contains(&self, mark: &Mark) -> bool {
        self.0.contains(mark) || self.0.contains(&mark.collection())
    }

    /// Whether it is marked by the mark of its repository or store.
    #[must_use]
    pub fn is_within(&self, mark: &Mark) -> bool {
        matches!(mark, Mark::Image(_)) && self.0.contains(&mark.collection())
    }

    pub fn toggle(&mut self, mark: &Mark) {
        if !self.0.remove(mark) {
            self.add(mark);
        }
    }

    /// Marks these, or unmarks them if all are marked.
    pub fn toggle_all(&mut self, marks: &[Mark]) {
        match marks.iter().all(|mark| self.0.contains(mark)) {
            true => marks.iter().for_each(|mark| {
                self.0.remove(mark);
            }),
            false => marks.iter().for_each(|mark| self.add(mark)),
        }
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    fn add(&mut self, mark: &Mark) {
        if self.is_within(mark) {
            return;
        }
        if !matches!(mark, Mark::Image(_)) {
            self.0.retain(|other| other.collection() != *mark);
        }
        self.0.insert(mark.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(text: &str) -> Mark {
        Mark::Image(text.parse().unwrap())
    }

    #[test]
    fn a_repository_stands_for_its_tags() {
        let [first, second] = ["a.example/b:1", "a.example/b:2"].map(image);
        let repository = first.collection();
        let mut marks = Marks::default();
        marks.toggle_all(&[first.clone(), second.clone(), image("a.example/c:1")]);
        assert_eq!(marks.len(), 3);
        marks.toggle(&repository);
        assert_eq!(marks.len(), 2);
        assert!(marks.contains(&first) && marks.is_within(&second));
        marks.toggle_all(std::slice::from_ref(&second));
        assert_eq!(marks.len(), 2, "it is marked already");
        marks.toggle(&repository);
        assert!(!marks.contains(&first));
    }

    #[test]
    fn all_are_unmarked_only_if_all_are_marked() {
        let all = ["a.example/b:1", "a.example/b:2"].map(image);
        let mut marks = Marks::default();
        marks.toggle(&all[0]);
        marks.toggle_all(&all);
        assert_eq!(marks.len(), 2);
        marks.toggle_all(&all);
        assert!(marks.is_empty());
    }
}

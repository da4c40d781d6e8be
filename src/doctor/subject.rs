//! What is examined, from the images of a list.
//!
//! Decides which image stands for its registry, and where the throw-away repositories are. Invariant: a registry that is
//! only a source is never written to.

use std::collections::{BTreeMap, BTreeSet};

use crate::oci::{CopySpec, LocalStore, Location, Reference, Registry, Repository};

/// A registry, and what it is to be examined for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub registry: Registry,
    pub role: Role,
    /// An image that is to be read from there.
    pub image: Option<Reference>,
    /// Where it is written to; nothing is written without them.
    pub scratch: Option<ScratchRepositories>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Source,
    Destination,
    /// Source and destination of images.
    Both,
    /// Named by the operator, without a list.
    Named,
}

/// Repositories that no image has, below the project of a list.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ScratchRepositories {
    pub first: Repository,
    /// Blobs of the first are mounted into it.
    pub second: Repository,
}

impl Subject {
    /// The registries of these images. `random` makes the names of throw-away repositories unique; without it nothing is
    /// written.
    #[must_use]
    pub fn of_images<'a>(
        images: impl IntoIterator<Item = &'a CopySpec>,
        random: Option<u32>,
    ) -> Vec<Self> {
        let mut sources: BTreeMap<&Registry, &Reference> = BTreeMap::new();
        let mut destinations: BTreeMap<&Registry, BTreeSet<&Repository>> = BTreeMap::new();
        for image in images {
            if let Some(reference) = image.source.reference() {
                sources.entry(&reference.registry).or_insert(reference);
            }
            if let Some(reference) = image.destination.reference() {
                let repositories = destinations.entry(&reference.registry).or_default();
                repositories.insert(&reference.repository);
            }
        }
        let registries: BTreeSet<&Registry> =
            sources.keys().chain(destinations.keys()).copied().collect();
        let subject = |registry: &Registry| {
            let image = sources.get(registry).copied();
            let written = destinations.get(registry);
            Self {
                registry: registry.clone(),
                role: match (image, written) {
                    (Some(_), Some(_)) => Role::Both,
                    (_, None) => Role::Source,
                    (None, Some(_)) => Role::Destination,
                },
                image: image.cloned(),
                scratch: written.and_then(|repositories| {
                    let parent = parent(repositories.iter().copied());
                    ScratchRepositories::below(parent.as_ref(), random?)
                }),
            }
        };
        registries.into_iter().map(subject).collect()
    }

    /// A registry that the operator named. It is written to, below `project`, if there is a `random` number.
    #[must_use]
    pub fn named(registry: Registry, project: Option<&Repository>, random: Option<u32>) -> Self {
        Self {
            registry,
            role: Role::Named,
            image: None,
            scratch: random.and_then(|random| ScratchRepositories::below(project, random)),
        }
    }
}

impl Role {
    /// Its name in tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Destination => "destination",
            Self::Both => "source and destination",
            Self::Named => "registry",
        }
    }
}

impl ScratchRepositories {
    fn below(parent: Option<&Repository>, random: u32) -> Option<Self> {
        let name = |suffix: &str| {
            let name: Repository = format!("transship-doctor-{random:08x}{suffix}")
                .parse()
                .ok()?;
            Some(match parent {
                Some(parent) => name.below(parent),
                None => name,
            })
        };
        Some(Self {
            first: name("")?,
            second: name("-mount")?,
        })
    }
}

/// The stores of this machine that these images are read from and written to.
#[must_use]
pub fn local_stores<'a>(images: impl IntoIterator<Item = &'a CopySpec>) -> BTreeSet<LocalStore> {
    images
        .into_iter()
        .flat_map(|image| [&image.source, &image.destination])
        .filter_map(Location::local)
        .map(|image| image.store.clone())
        .collect()
}

/// What all repositories are below; else the first component of one, which often is a project that has to exist.
fn parent<'a>(repositories: impl IntoIterator<Item = &'a Repository>) -> Option<Repository> {
    let mut parents = repositories.into_iter().map(|repository| {
        let path = repository.as_str().rsplit_once('/');
        let path = path.map_or("", |(parent, _)| parent);
        path.split('/')
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
    });
    let first = parents.next()?;
    let common = parents.fold(first.len(), |common, other| {
        let equal = first.iter().zip(&other).take_while(|(a, b)| a == b);
        equal.count().min(common)
    });
    let parts = &first[..common.max(1).min(first.len())];
    parts.join("/").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(pairs: &[(&str, &str)]) -> Vec<CopySpec> {
        let image = |(source, destination): &(&str, &str)| {
            CopySpec::new(source.parse().unwrap(), destination.parse().unwrap())
        };
        pairs.iter().map(image).collect()
    }

    #[test]
    fn only_destinations_are_written_to_and_only_where_that_is_allowed() {
        let images = images(&[
            ("a.example/x:1", "b.example/mirror/team/x:1"),
            ("b.example/y:1", "oci:/srv/estate:y"),
        ]);
        let roles = |random| {
            let subjects = Subject::of_images(&images, random);
            subjects
                .into_iter()
                .map(|it| (it.role, it.scratch))
                .collect::<Vec<_>>()
        };
        let [source, both] = &roles(Some(0xab))[..] else {
            panic!("two registries");
        };
        assert_eq!(*source, (Role::Source, None));
        assert_eq!(both.0, Role::Both);
        let scratch = both.1.as_ref().unwrap();
        assert_eq!(
            scratch.first.as_str(),
            "mirror/team/transship-doctor-000000ab"
        );
        assert_eq!(
            scratch.second.as_str(),
            "mirror/team/transship-doctor-000000ab-mount"
        );
        assert!(roles(None).iter().all(|(_, scratch)| scratch.is_none()));
        assert_eq!(local_stores(&images).len(), 1);
    }

    #[test]
    fn the_throw_away_repository_is_below_what_all_destinations_are_below() {
        let of = |names: &[&str]| {
            let names: Vec<Repository> = names.iter().map(|name| name.parse().unwrap()).collect();
            parent(&names).map(|parent| parent.to_string())
        };
        assert_eq!(of(&["mirror/team/app"]).unwrap(), "mirror/team");
        assert_eq!(
            of(&["mirror/team/app", "mirror/infra/db"]).unwrap(),
            "mirror"
        );
        // A project that exists is better than one that may not be made.
        assert_eq!(of(&["one/a/app", "two/db"]).unwrap(), "one");
        assert_eq!(of(&["app", "db"]), None);
        assert_eq!(of(&["app", "one/db"]), None);
        assert_eq!(of(&[]), None);
    }
}

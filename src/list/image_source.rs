//! Where the images of an entry come from.
//!
//! Decides how a name is completed by `[source]`, and which tags it selects. In a local store, the name of the list is
//! the name there. Invariant: a name that could be read in two ways is read in one, whatever the stores contain.

use std::sync::Arc;

use super::{
    endpoint::{Endpoint, EndpointState, below},
    image_defaults::ImageDefaults,
    image_keys::ImageKeys,
    mistake::Mistake,
    name_pattern::NamePattern,
    reader::Reader,
    selection::{Choice, Files, Selection, StorePattern, TagChoice},
    spanned::Spanned,
    store_repository::StoreRepository,
    stored_parts::StoredParts,
    written_name::{Prefix, WrittenName},
};
use crate::oci::{
    LocalImage, LocalStore, PartialReference, Repository, Store, StoredName, Tag, Transport,
};

/// Images, and the repository of which their destination is made. `None` for a repository that each image has of its
/// own.
pub(super) struct ImageSource {
    pub(super) selection: Selection,
    pub(super) repository: Option<Repository>,
}

/// What is read of one name.
struct Reading<'a, 'r, 't> {
    reader: &'r Reader<'t>,
    defaults: &'a ImageDefaults<'a>,
    keys: &'a ImageKeys,
    name: &'a Spanned<WrittenName>,
}

/// `None` if something that the name needs is wrong or missing.
pub(super) fn read(
    reader: &Reader,
    defaults: &ImageDefaults,
    keys: &ImageKeys,
    name: &Spanned<WrittenName>,
) -> Option<ImageSource> {
    let reading = Reading {
        reader,
        defaults,
        keys,
        name,
    };
    match &name.value {
        WrittenName::Reference(prefix, reference) => reading.reference(*prefix, reference),
        WrittenName::Pattern(prefix, pattern) => reading.pattern(*prefix, pattern),
        WrittenName::Position(position) => reading.position(*position),
        WrittenName::Local(image) => reading.local(image),
        WrittenName::LocalPattern(store, pattern) => {
            let store = Store::Local(store.clone());
            Some(reading.matching(store, None, pattern))
        }
        WrittenName::Files(pattern) => {
            let files = Files::Matching(pattern.clone());
            Some(many(Selection::Files(files, reading.own_tags())))
        }
    }
}

fn many(selection: Selection) -> ImageSource {
    ImageSource {
        selection,
        repository: None,
    }
}

impl Reading<'_, '_, '_> {
    fn report(&self, message: &str, help: &str) {
        let mistake = Mistake::new(message, self.name.at.clone());
        self.reader.report(mistake.help(help));
    }

    /// The side of a name without a location. `None` if the name has a registry of its own.
    fn side(&self, prefix: Prefix, has_registry: bool) -> Option<Option<&Endpoint>> {
        let is_local = match &self.defaults.source {
            EndpointState::Known(endpoint) => endpoint.store.local().is_some(),
            EndpointState::Wrong | EndpointState::Missing => false,
        };
        match (prefix, has_registry, is_local) {
            (Prefix::Docker, true, _) | (Prefix::None, true, false) => Some(None),
            (Prefix::Docker, false, true) => {
                let help = "write docker://docker.io/library/nginx:1.27 for example; [source] is no registry";
                self.report("this image has no registry", help);
                None
            }
            (Prefix::None, _, true) | (_, false, false) => {
                Some(Some(self.defaults.source(&self.name.at)?))
            }
        }
    }

    fn reference(&self, prefix: Prefix, name: &PartialReference) -> Option<ImageSource> {
        let side = self.side(prefix, name.registry.is_some())?;
        let at = &self.name.at;
        let (repository, path) = match (side, &name.registry) {
            (None, None) => return None,
            (None, Some(registry)) => {
                // Docker Hub's `nginx` is `library/nginx`, at the destination too.
                let path = match registry.is_docker_hub() {
                    true => self.reader.accept(official(&name.repository, at))?,
                    false => name.repository.clone(),
                };
                (
                    StoreRepository::Registry(registry.clone(), path.clone()),
                    path,
                )
            }
            (Some(side), _) => {
                let is_hub =
                    (side.store.registry()).is_some_and(|registry| registry.is_docker_hub());
                let path = match is_hub && side.prefix.is_none() {
                    true => self.reader.accept(official(&name.repository, at))?,
                    false => name.repository.clone(),
                };
                let name = PartialReference {
                    repository: path.clone(),
                    ..name.clone()
                };
                (self.reader.accept(side.below(&name, at))?, path)
            }
        };
        let choice = self.choice(name.tag.as_ref(), name);
        if let (
            StoreRepository::Local(..),
            Choice::One {
                tag: Some(_),
                digest: Some(_),
            },
        ) = (&repository, &choice)
        {
            self.report(
                "in a local store, a name has a tag or a digest, not both",
                "remove one of them",
            );
            return None;
        }
        Some(ImageSource {
            selection: Selection::Repository(repository, choice),
            repository: Some(path),
        })
    }

    fn choice(&self, tag: Option<&Tag>, name: &PartialReference) -> Choice {
        let (keys, defaults) = (self.keys, self.defaults);
        match &keys.tags {
            Some(tags) => Choice::Tags(tags.value.iter().cloned().collect()),
            None if tag.is_some() || name.digest.is_some() => Choice::One {
                tag: tag.cloned(),
                digest: name.digest.clone(),
            },
            None if !keys.filter.is_empty() => Choice::Filter(Arc::clone(&keys.filter)),
            // Exclusions narrow a filter. They alone do not select all tags of `nginx`.
            None if defaults.filter.pattern.is_some() => {
                Choice::Filter(Arc::new(defaults.filter.clone()))
            }
            None => Choice::One {
                tag: Some(Tag::latest()),
                digest: None,
            },
        }
    }

    fn pattern(&self, prefix: Prefix, pattern: &NamePattern) -> Option<ImageSource> {
        let side = self.side(prefix, pattern.registry.is_some())?;
        let (store, prefix) = match (side, &pattern.registry) {
            (None, None) => return None,
            (None, Some(registry)) => (Store::Registry(registry.clone()), None),
            (Some(side), _) => (side.store.clone(), side.prefix.clone()),
        };
        Some(self.matching(store, prefix, pattern))
    }

    fn matching(
        &self,
        store: Store,
        prefix: Option<Repository>,
        pattern: &NamePattern,
    ) -> ImageSource {
        let tags = match (&pattern.tag, &self.keys.tags) {
            (Some(tag), _) => TagChoice::Tags([tag.clone()].into()),
            (None, None) if self.keys.filter.is_empty() => {
                let filter = &self.defaults.filter;
                match filter.is_empty() {
                    true => TagChoice::All,
                    false => TagChoice::Filter(Arc::new(filter.clone())),
                }
            }
            (None, _) => self.own_tags(),
        };
        let pattern = pattern.clone();
        let pattern = StorePattern {
            store,
            prefix,
            pattern,
        };
        many(Selection::Pattern(pattern, tags))
    }

    /// The tags that the keys of the image select.
    fn own_tags(&self) -> TagChoice {
        match &self.keys.tags {
            Some(tags) => TagChoice::Tags(tags.value.iter().map(|tag| tag.value.clone()).collect()),
            None if self.keys.filter.is_empty() => TagChoice::All,
            None => TagChoice::Filter(Arc::clone(&self.keys.filter)),
        }
    }

    fn position(&self, position: usize) -> Option<ImageSource> {
        let side = self.defaults.source(&self.name.at)?;
        match side.store.local() {
            Some(store) if has_positions(store) => self.image(LocalImage {
                store: store.clone(),
                name: Some(StoredName::Position(position)),
            }),
            Some(_) | None => {
                self.report(
                    "images of this [source] have no positions",
                    "write a name; positions are for oci, oci-archive and docker-archive",
                );
                None
            }
        }
    }

    fn local(&self, image: &LocalImage) -> Option<ImageSource> {
        let has_tag_keys = self.keys.tags.is_some() || !self.keys.filter.is_empty();
        match &image.name {
            None if self.keys.to.is_none() => {
                let files = Files::One(image.store.clone());
                Some(many(Selection::Files(files, self.own_tags())))
            }
            Some(StoredName::Name(name)) if has_tag_keys => {
                match name.parse::<PartialReference>() {
                    Ok(reference) if reference.tag.is_none() && reference.digest.is_none() => {
                        let repository = StoreRepository::Local(image.store.clone(), name.clone());
                        Some(ImageSource {
                            selection: Selection::Repository(
                                repository,
                                self.choice(None, &reference),
                            ),
                            repository: Some(reference.repository),
                        })
                    }
                    Ok(_) | Err(_) => {
                        self.report(
                            "the table selects tags, and this name is no repository",
                            "write a name without a tag, such as oci:estate:team/api",
                        );
                        None
                    }
                }
            }
            None | Some(StoredName::Position(_)) if has_tag_keys => {
                self.report(
                    "the table selects tags, and this is one image",
                    "remove the keys that select tags",
                );
                None
            }
            None | Some(StoredName::Name(_) | StoredName::Position(_)) => self.image(image.clone()),
        }
    }

    /// One image, exactly as it is named.
    fn image(&self, image: LocalImage) -> Option<ImageSource> {
        let parts = StoredParts::of(&image);
        if parts.is_none() && self.keys.to.is_none() {
            self.report(
                "no destination can have the name of this image",
                "write a table with `name` and `to`",
            );
            return None;
        }
        let (repository, tag, digest) = match parts {
            Some(parts) => (Some(parts.repository), parts.tag, parts.digest),
            None => (None, Some(Tag::latest()), None),
        };
        Some(ImageSource {
            selection: Selection::Image { image, tag, digest },
            repository,
        })
    }
}

fn official(repository: &Repository, at: &std::ops::Range<usize>) -> Result<Repository, Mistake> {
    match repository.as_str().contains('/') {
        true => Ok(repository.clone()),
        false => below("library", repository, at),
    }
}

fn has_positions(store: &LocalStore) -> bool {
    match store.transport {
        Transport::Oci | Transport::OciArchive | Transport::DockerArchive => true,
        Transport::Dir | Transport::DockerDaemon | Transport::ContainersStorage => false,
    }
}

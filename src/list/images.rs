//! The images of a list: which images each entry selects, and where they go.
//!
//! Decides the destination of an entry, and which keys it rules out. Invariant: an [`ImageRule`] is complete, except
//! for what a store must be asked.

use std::{ops::Range, sync::Arc};

use super::{
    endpoint::{Endpoint, EndpointState},
    image_defaults::ImageDefaults,
    image_keys::{Conversion, ImageKeys},
    image_source::{self, ImageSource},
    mistake::Mistake,
    reader::Reader,
    selection::{Choice, Selection},
    spanned::Spanned,
    store_repository::StoreRepository,
    written_name::{Prefix, WrittenDestination, WrittenName},
};
use crate::oci::{
    Attachments, CopyEngine, Digest, GroupName, LocalImage, Location, OnExisting, Platform,
    Repository, RequiredKeys, Store, Tag,
};

/// One image of the list, or images to select.
#[derive(Clone, Debug)]
pub struct ImageRule {
    pub(super) selection: Selection,
    pub(super) target: Target,
    /// Only these platforms; empty for all.
    pub platforms: Arc<[Platform]>,
    pub attachments: Attachments,
    pub on_existing: OnExisting,
    pub conversion: Conversion,
    pub engine: CopyEngine,
    pub group: Option<GroupName>,
    /// The keys of which one has to have signed the images.
    pub require_signature: RequiredKeys,
    /// The place of its name in the list.
    pub(super) at: Range<usize>,
}

/// Where the images of a rule go.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Repository {
        repository: StoreRepository,
        /// If it differs from the tag of the source.
        tag: Option<Tag>,
    },
    /// As a local store is to have it.
    Image(LocalImage),
    /// Below `[destination]`, each by its own name.
    ByName,
}

impl Target {
    /// The store that gets the images. `destination` is that of the list.
    pub(super) fn store(&self, destination: Option<&Endpoint>) -> Option<Store> {
        match self {
            Self::Repository { repository, .. } => Some(repository.store()),
            Self::Image(image) => Some(Store::Local(image.store.clone())),
            Self::ByName => destination.map(|endpoint| endpoint.store.clone()),
        }
    }
}

impl ImageRule {
    /// The rule for one name of an entry; `None` if something it needs is wrong or missing.
    pub(super) fn new(
        reader: &Reader,
        defaults: &ImageDefaults,
        keys: &ImageKeys,
        name: Spanned<WrittenName>,
    ) -> Option<Self> {
        let ImageSource {
            selection,
            repository,
        } = image_source::read(reader, defaults, keys, &name)?;
        let target = match &keys.to {
            Some(to) => written_target(reader, defaults, to)?,
            None => target_by_name(reader, defaults, repository.as_ref(), &name.at)?,
        };
        let endpoint = match &defaults.destination {
            EndpointState::Known(endpoint) => Some(endpoint),
            EndpointState::Wrong | EndpointState::Missing => None,
        };
        let destination = target.store(endpoint);
        let engine = keys
            .engine
            .unwrap_or_else(|| defaults.engine(selection.store().as_ref(), destination.as_ref()));
        let group = keys.group.as_ref().or(defaults.group.as_ref());
        let keys_of_side = || defaults.required_keys(selection.store().as_ref());
        let rule = Self {
            engine,
            require_signature: (keys.require_signature.clone()).unwrap_or_else(keys_of_side),
            group: match group {
                Some(group) => {
                    let checked = check_group(group, engine, destination.as_ref(), &name.at);
                    reader.accept(checked)?;
                    Some(group.value.clone())
                }
                None => None,
            },
            platforms: platforms(reader, defaults, keys, (&selection, &target), &name.at)?,
            attachments: keys.attachments.or(defaults.attachments),
            on_existing: keys.on_existing.unwrap_or(defaults.on_existing),
            conversion: keys.conversion.or(defaults.conversion),
            selection,
            target,
            at: name.at,
        };
        if rule.copies_to_itself() {
            reader.report(
                Mistake::new(
                    "source and destination of this image are the same",
                    rule.at.clone(),
                )
                .help("write a `to`, a [[rewrite]], or another registry or prefix"),
            );
            return None;
        }
        Some(rule)
    }

    /// The destination of an image of this rule with `tag` or `digest`; `None` if its own name decides.
    pub(super) fn destination(
        &self,
        tag: Option<&Tag>,
        digest: Option<&Digest>,
    ) -> Option<Location> {
        match &self.target {
            Target::Repository {
                repository,
                tag: to_tag,
            } => {
                let tag = to_tag.as_ref().or(tag).cloned();
                let digest = digest.filter(|_| tag.is_none()).cloned();
                Some(repository.image(tag, digest))
            }
            Target::Image(image) => Some(Location::Local(image.clone())),
            Target::ByName => None,
        }
    }

    fn copies_to_itself(&self) -> bool {
        match (&self.selection, &self.target) {
            (
                Selection::Repository(source, choice),
                Target::Repository {
                    repository,
                    tag: to_tag,
                },
            ) => {
                let same_tag = match (to_tag, choice) {
                    (None, _) => true,
                    (Some(to), Choice::One { tag, .. }) => tag.as_ref() == Some(to),
                    (Some(_), Choice::Tags(_) | Choice::Filter(_)) => false,
                };
                source == repository && same_tag
            }
            (Selection::Image { image, tag, digest }, _) => {
                let destination = self.destination(tag.as_ref(), digest.as_ref());
                destination.is_some_and(|to| to == Location::Local(image.clone()))
            }
            (Selection::Repository(..), Target::Image(_) | Target::ByName)
            | (Selection::Pattern(..) | Selection::Files(..), _) => false,
        }
    }
}

/// Whether the image at `at` can be in a group.
fn check_group(
    group: &Spanned<GroupName>,
    engine: CopyEngine,
    destination: Option<&Store>,
    at: &Range<usize>,
) -> Result<(), Mistake> {
    let (message, help) = if destination.is_some_and(|store| store.local().is_some()) {
        (
            "an image of a group goes to a registry, and this one goes to a store of this machine",
            "a store of this machine has no tags that are written together: leave `group` out for this image",
        )
    } else if !engine.is_native() {
        (
            "skopeo copies this image, and an image of a group is copied by this program",
            "skopeo writes the tag together with the image: leave `group` out, or write engine = \"native\"",
        )
    } else {
        return Ok(());
    };
    let mistake = Mistake::new(message, at.clone());
    Err(mistake.and(group.at.clone(), "the group").help(help))
}

/// The `to` of an image.
fn written_target(
    reader: &Reader,
    defaults: &ImageDefaults,
    to: &Spanned<WrittenDestination>,
) -> Option<Target> {
    let (prefix, name) = match &to.value {
        WrittenDestination::Local(image) => return Some(Target::Image(image.clone())),
        WrittenDestination::Reference(prefix, name) => (*prefix, name),
    };
    let is_local = match &defaults.destination {
        EndpointState::Known(endpoint) => endpoint.store.local().is_some(),
        EndpointState::Wrong | EndpointState::Missing => false,
    };
    let repository = match (&name.registry, prefix, is_local) {
        (Some(registry), Prefix::Docker, _) | (Some(registry), Prefix::None, false) => {
            StoreRepository::Registry(registry.clone(), name.repository.clone())
        }
        (None, Prefix::Docker, true) => {
            reader.report(
                Mistake::new("this destination has no registry", to.at.clone())
                    .help("write docker://HOST/team/api for example; [destination] is no registry"),
            );
            return None;
        }
        (Some(_), Prefix::None, true) | (None, _, _) => {
            reader.accept(defaults.destination(&to.at)?.below(name, &to.at))?
        }
    };
    Some(Target::Repository {
        repository,
        tag: name.tag.clone(),
    })
}

fn target_by_name(
    reader: &Reader,
    defaults: &ImageDefaults,
    repository: Option<&Repository>,
    at: &Range<usize>,
) -> Option<Target> {
    let Some(repository) = repository else {
        // Names are rewritten when they are known.
        defaults.destination(at)?;
        return Some(Target::ByName);
    };
    let repository = defaults.destination_of(reader, repository, at)?;
    Some(Target::Repository {
        repository,
        tag: None,
    })
}

/// The platforms of an image. A destination that is a digest has all of them.
fn platforms(
    reader: &Reader,
    defaults: &ImageDefaults,
    keys: &ImageKeys,
    (selection, target): (&Selection, &Target),
    at: &Range<usize>,
) -> Option<Arc<[Platform]>> {
    let has_digest_only = match selection {
        Selection::Repository(_, Choice::One { tag, digest })
        | Selection::Image { tag, digest, .. } => tag.is_none() && digest.is_some(),
        Selection::Repository(_, Choice::Tags(_) | Choice::Filter(_))
        | Selection::Pattern(..)
        | Selection::Files(..) => false,
    };
    let written_by_digest = match target {
        Target::Repository {
            repository,
            tag: None,
        } if has_digest_only => Some(repository),
        Target::Repository { .. } | Target::Image(_) | Target::ByName => None,
    };
    if let Some(repository) = written_by_digest {
        reader.accept(repository.check_digest(at))?;
    }
    match &keys.platforms {
        Some(platforms) if written_by_digest.is_some() && !platforms.value.is_empty() => {
            reader.report(
                Mistake::new(
                    "an image whose destination is a digest cannot lose platforms: the digest would change",
                    platforms.at.clone(),
                )
                .and(at.clone(), "this digest")
                .help("give it a tag in `name` or in `to`, or leave `platforms` out"),
            );
            None
        }
        Some(platforms) => Some(Arc::clone(&platforms.value)),
        None if written_by_digest.is_some() => Some(Arc::default()),
        None => Some(Arc::clone(&defaults.platforms)),
    }
}

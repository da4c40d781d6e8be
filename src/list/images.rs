//! The images of a list: which images each entry selects, and where they go.
//!
//! Decides how names are completed, which tags an entry selects, and the destination repository. Invariant: an
//! [`ImageRule`] is complete, except for the tags that a filter selects.

use std::{cell::RefCell, ops::Range, sync::Arc};

use super::{
    filter::TagFilter,
    image_keys::{Conversion, ImageKeys},
    mistake::Mistake,
    reader::Reader,
    registries::Endpoint,
    rewrite::Rewrite,
    spanned::Spanned,
};
use crate::oci::{
    Attachments, Digest, OnExisting, PartialReference, Platform, Registry, Repository, Tag,
};

/// One image of the list, or one repository with the tags to select.
#[derive(Clone, Debug)]
pub struct ImageRule {
    pub source: (Registry, Repository),
    pub destination: (Registry, Repository),
    /// Only these platforms; empty for all.
    pub platforms: Arc<[Platform]>,
    pub attachments: Attachments,
    pub on_existing: OnExisting,
    pub conversion: Conversion,
    pub(super) choice: Choice,
    /// The destination tag, if it differs from the source tag.
    pub(super) to_tag: Option<Tag>,
    /// The place of its name in the list.
    pub(super) at: Range<usize>,
}

/// Which images of the source repository are selected.
#[derive(Clone, Debug)]
pub(super) enum Choice {
    One {
        tag: Option<Tag>,
        digest: Option<Digest>,
    },
    Tags(Arc<[Spanned<Tag>]>),
    Filter(Arc<TagFilter>),
}

/// A `[source]` or `[destination]`.
pub(super) enum EndpointState {
    Known(Endpoint),
    /// Written, but with mistakes that were reported.
    Wrong,
    Missing,
}

/// The settings of images without their own.
pub(super) struct ImageDefaults<'a> {
    pub(super) source: EndpointState,
    pub(super) destination: EndpointState,
    /// `None` if one of them is wrong: then no destination is known.
    pub(super) rewrites: Option<&'a [Rewrite]>,
    pub(super) filter: TagFilter,
    pub(super) platforms: Arc<[Platform]>,
    pub(super) attachments: Attachments,
    pub(super) on_existing: OnExisting,
    pub(super) conversion: Conversion,
    /// The images that need a side which the list does not have.
    pub(super) without_source: RefCell<Vec<Range<usize>>>,
    pub(super) without_destination: RefCell<Vec<Range<usize>>>,
}

impl ImageRule {
    /// The rule for one name of an entry; `None` if something it needs is wrong or missing.
    pub(super) fn new(
        reader: &Reader,
        defaults: &ImageDefaults,
        keys: &ImageKeys,
        name: Spanned<PartialReference>,
    ) -> Option<Self> {
        let (source, path) = defaults.source_of(reader, &name)?;
        let destination = match &keys.to {
            Some(to) => defaults.below_destination(reader, &to.value, &to.at)?,
            None => {
                let path = defaults.rewritten(reader, path, &name.at)?;
                let path = PartialReference {
                    registry: None,
                    repository: path,
                    tag: None,
                    digest: None,
                };
                defaults.below_destination(reader, &path, &name.at)?
            }
        };
        let choice = choice(defaults, keys, &name.value);
        let to_tag = keys.to.as_ref().and_then(|to| to.value.tag.clone());
        let by_digest = to_tag.is_none()
            && matches!(
                choice,
                Choice::One {
                    tag: None,
                    digest: Some(_)
                }
            );
        let platforms = match &keys.platforms {
            Some(platforms) if by_digest && !platforms.value.is_empty() => {
                reader.report(
                Mistake::new(
                    "an image whose destination is a digest cannot lose platforms: the digest would change",
                    platforms.at.clone(),
                )
                .and(name.at.clone(), "this digest")
                .help("give it a tag in `name` or in `to`, or leave `platforms` out"),
            );
                return None;
            }
            Some(platforms) => Arc::clone(&platforms.value),
            None if by_digest => Arc::default(),
            None => Arc::clone(&defaults.platforms),
        };
        let same_tag = match (&to_tag, &choice) {
            (None, _) => true,
            (Some(to), Choice::One { tag, .. }) => tag.as_ref() == Some(to),
            (Some(_), _) => false,
        };
        if source == destination && same_tag {
            reader.report(
                Mistake::new(
                    "source and destination of this image are the same",
                    name.at.clone(),
                )
                .help("write a `to`, a [[rewrite]], or another registry or prefix"),
            );
            return None;
        }
        Some(Self {
            source,
            destination,
            platforms,
            attachments: keys.attachments.or(defaults.attachments),
            on_existing: keys.on_existing.unwrap_or(defaults.on_existing),
            conversion: keys.conversion.or(defaults.conversion),
            choice,
            to_tag,
            at: name.at,
        })
    }
}

fn choice(defaults: &ImageDefaults, keys: &ImageKeys, name: &PartialReference) -> Choice {
    match &keys.tags {
        Some(tags) => Choice::Tags(tags.value.iter().cloned().collect()),
        None if name.tag.is_some() || name.digest.is_some() => Choice::One {
            tag: name.tag.clone(),
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

impl ImageDefaults<'_> {
    /// The source repository, and the path of which the destination is made.
    fn source_of(
        &self,
        reader: &Reader,
        name: &Spanned<PartialReference>,
    ) -> Option<((Registry, Repository), Repository)> {
        let written = name.value.repository.clone();
        let (registry, prefix) = match (&name.value.registry, &self.source) {
            (Some(registry), _) => (registry.clone(), None),
            (None, EndpointState::Known(side)) => (side.registry.clone(), side.prefix.as_ref()),
            (None, EndpointState::Wrong) => return None,
            (None, EndpointState::Missing) => {
                self.without_source.borrow_mut().push(name.at.clone());
                return None;
            }
        };
        if let Some(prefix) = prefix {
            let repository = below(reader, prefix.as_str(), &written, &name.at)?;
            return Some(((registry, repository), written));
        }
        // Docker Hub's `nginx` is `library/nginx`, at the destination too.
        let repository = if registry.is_docker_hub() && !written.as_str().contains('/') {
            below(reader, "library", &written, &name.at)?
        } else {
            written
        };
        Some(((registry, repository.clone()), repository))
    }

    fn below_destination(
        &self,
        reader: &Reader,
        to: &PartialReference,
        at: &Range<usize>,
    ) -> Option<(Registry, Repository)> {
        let (registry, prefix) = match (&to.registry, &self.destination) {
            (Some(registry), _) => (registry.clone(), None),
            (None, EndpointState::Known(side)) => (side.registry.clone(), side.prefix.as_ref()),
            (None, EndpointState::Wrong) => return None,
            (None, EndpointState::Missing) => {
                self.without_destination.borrow_mut().push(at.clone());
                return None;
            }
        };
        let repository = match prefix {
            Some(prefix) => below(reader, prefix.as_str(), &to.repository, at)?,
            None => to.repository.clone(),
        };
        Some((registry, repository))
    }

    fn rewritten(
        &self,
        reader: &Reader,
        path: Repository,
        at: &Range<usize>,
    ) -> Option<Repository> {
        let mut changed: Option<(String, &Rewrite)> = None;
        for rewrite in self.rewrites? {
            let before = changed.as_ref().map_or(path.as_str(), |(path, _)| path);
            let after = rewrite.apply(before);
            if after != before {
                changed = Some((after.into_owned(), rewrite));
            }
        }
        let Some((text, last)) = changed else {
            return Some(path);
        };
        match text.parse() {
            Ok(repository) => Some(repository),
            Err(error) => {
                let message = format!("this image is rewritten to {text:?}: {error}");
                reader.report(
                    Mistake::new(message, at.clone())
                        .and(last.at.clone(), "by this rewrite")
                        .help("change the rewrite, or give the image a `to`"),
                );
                None
            }
        }
    }
}

fn below(
    reader: &Reader,
    prefix: &str,
    repository: &Repository,
    at: &Range<usize>,
) -> Option<Repository> {
    match format!("{prefix}/{repository}").parse() {
        Ok(repository) => Some(repository),
        Err(error) => {
            reader.report(
                Mistake::new(
                    format!("with its prefix this name is too long: {error}"),
                    at.clone(),
                )
                .help("shorten the name or the prefix"),
            );
            None
        }
    }
}

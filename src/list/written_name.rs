//! The name of an image, and its `to`, as they are written: a reference, a location or a pattern.
//!
//! Decides which of them a text is. Invariant: a name without a transport keeps its meaning open until a side
//! completes it.

use std::path::Path;

use super::{
    name_pattern::{FilePattern, NamePattern, is_pattern},
    store_paths,
    values::{ValueError, reference},
};
use crate::oci::{
    LocalImage, LocalStore, LocationError, LocationProblem, PartialLocation, PartialReference,
    StoredName, Transport,
};

/// An image, or images.
#[derive(Clone, Debug)]
pub(super) enum WrittenName {
    Reference(Prefix, PartialReference),
    Pattern(Prefix, NamePattern),
    /// `@N`, in the store of the side.
    Position(usize),
    Local(LocalImage),
    LocalPattern(LocalStore, NamePattern),
    Files(FilePattern),
}

/// A `to`.
#[derive(Clone, Debug)]
pub(super) enum WrittenDestination {
    Reference(Prefix, PartialReference),
    Local(LocalImage),
}

/// What a reference begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    None,
    /// `docker://`: in a registry, whatever the side is.
    Docker,
}

const DOCKER: &str = "docker://";

impl WrittenName {
    /// `working` is where relative paths begin.
    pub(super) fn parse(working: &Path, text: &str) -> Result<Self, ValueError> {
        if let Some(position) = text.strip_prefix('@') {
            return position
                .parse()
                .map(Self::Position)
                .map_err(|_| ValueError {
                    message: format!("{position:?} is no position"),
                    at: None,
                    help: "write @0 for the first image of the archive".into(),
                });
        }
        if let Some(image) = local(text)? {
            return Self::of_local(working, text, image);
        }
        let (prefix, name) = without_prefix(text);
        let named = match is_pattern(name) {
            true => NamePattern::parse(name).map(|pattern| Self::Pattern(prefix, pattern)),
            false => reference(name).map(|reference| Self::Reference(prefix, reference)),
        };
        named.map_err(|error| error.shifted(text.len() - name.len()))
    }

    /// What selects one image, if it does; then tags cannot be selected as well.
    pub(super) fn fixed_by(&self) -> Option<&'static str> {
        match self {
            Self::Reference(_, PartialReference { tag, digest, .. }) => match (tag, digest) {
                (_, Some(_)) => Some("a digest"),
                (Some(_), None) => Some("a tag"),
                (None, None) => None,
            },
            Self::Pattern(_, pattern) | Self::LocalPattern(_, pattern) => {
                pattern.tag.as_ref().map(|_| "a tag")
            }
            Self::Position(_) => Some("a position"),
            // Whether its name is a repository depends on the keys of its table.
            Self::Local(_) | Self::Files(_) => None,
        }
    }

    pub(super) fn is_pattern(&self) -> bool {
        match self {
            Self::Pattern(..) | Self::LocalPattern(..) | Self::Files(_) => true,
            Self::Reference(..) | Self::Position(_) | Self::Local(_) => false,
        }
    }

    fn of_local(working: &Path, text: &str, image: LocalImage) -> Result<Self, ValueError> {
        let has_path = image.store.transport.has_path();
        match (&image.name, is_pattern(image.store.place()) && has_path) {
            (None, true) => {
                let pattern = store_paths::pattern(working, image.store.place())?;
                FilePattern::parse(image.store.transport, &pattern).map(Self::Files)
            }
            (Some(name), true) => Err(ValueError {
                message: "a pattern of files takes all their images".into(),
                at: None,
                help: format!("remove `:{name}`, or name one file"),
            }),
            (Some(StoredName::Name(name)), false) if is_pattern(name) => {
                let pattern = NamePattern::parse(name);
                let start = text.len() - name.len();
                let pattern = pattern.map_err(|error| error.shifted(start))?;
                Ok(Self::LocalPattern(
                    complete(working, &image.store)?,
                    pattern,
                ))
            }
            (_, false) => Ok(Self::Local(completed(working, image)?)),
        }
    }
}

impl WrittenDestination {
    pub(super) fn has_digest(&self) -> bool {
        match self {
            Self::Reference(_, reference) => reference.digest.is_some(),
            Self::Local(_) => false,
        }
    }

    /// Whether it is a place for one image only.
    pub(super) fn is_one_image(&self) -> bool {
        match self {
            Self::Reference(_, reference) => reference.tag.is_some(),
            Self::Local(_) => true,
        }
    }

    pub(super) fn parse(working: &Path, text: &str) -> Result<Self, ValueError> {
        if let Some(image) = local(text)? {
            return Ok(Self::Local(completed(working, image)?));
        }
        let (prefix, name) = without_prefix(text);
        match reference(name) {
            Ok(reference) => Ok(Self::Reference(prefix, reference)),
            Err(error) => Err(error.shifted(text.len() - name.len())),
        }
    }
}

/// The image of a location in a store of this machine; `None` for a reference.
fn local(text: &str) -> Result<Option<LocalImage>, ValueError> {
    let transport = text.split_once(':').map(|(transport, _)| transport);
    match text.parse() {
        Ok(PartialLocation::Local(image)) => Ok(Some(image)),
        Ok(PartialLocation::Registry(_)) => Ok(None),
        Err(LocationError { problem, at }) => match problem {
            // A reference has its own messages, and may be a pattern.
            LocationProblem::Reference(_) => Ok(None),
            LocationProblem::NoPath(_)
            | LocationProblem::NoName
            | LocationProblem::Position(_)
            | LocationProblem::NoImage(_)
            | LocationProblem::Unclosed
            | LocationProblem::Unsupported(_) => Err(ValueError {
                message: problem.to_string(),
                at: Some(at),
                help: example(transport.unwrap_or_default()),
            }),
        },
    }
}

fn example(transport: &str) -> String {
    match Transport::ALL
        .into_iter()
        .find(|known| known.name() == transport)
    {
        Some(Transport::Oci) => "write for example oci:estate:team/api:1.2",
        Some(Transport::OciArchive) => "write for example oci-archive:week-1.tar:team/api:1.2",
        Some(Transport::Dir) => "write for example dir:images/team/api:1.2",
        Some(Transport::DockerArchive) => {
            "write for example docker-archive:app.tar:team/api:1.2, or :@0 for the first image"
        }
        Some(Transport::DockerDaemon) => "write for example docker-daemon:team/api:1.2",
        Some(Transport::ContainersStorage) => {
            "write for example containers-storage:localhost/api:1.2"
        }
        None => "write for example team/api:1.2, or oci:estate:team/api:1.2",
    }
    .into()
}

fn without_prefix(text: &str) -> (Prefix, &str) {
    match text.strip_prefix(DOCKER) {
        Some(rest) => (Prefix::Docker, rest),
        None => (Prefix::None, text),
    }
}

fn completed(working: &Path, image: LocalImage) -> Result<LocalImage, ValueError> {
    Ok(LocalImage {
        store: complete(working, &image.store)?,
        ..image
    })
}

fn complete(working: &Path, store: &LocalStore) -> Result<LocalStore, ValueError> {
    match store.transport.has_path() {
        true => store_paths::store(working, store.transport, store.place()),
        false => Ok(store.clone()),
    }
}

//! Where an image is, in the spelling of containers-transports(5): `docker://`, `oci:`, `oci-archive:`, `dir:`,
//! `docker-archive:`, `docker-daemon:`, `containers-storage:`.
//!
//! Decides the grammar; opens nothing. Invariant: a [`Location`] names its store and its image completely.

use std::{fmt, ops::Range, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    LocalStore, PartialReference, Reference, ReferenceError, Registry, Repository, Store, Tag,
    Transport, Version, names::written_as_text,
};

/// Where one image is.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Location {
    Registry(Reference),
    Local(LocalImage),
}

/// An image in a store of this machine.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LocalImage {
    pub store: LocalStore,
    /// `None` for the only image of the store, and for what has no name there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<StoredName>,
}

/// Which image of a store of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StoredName {
    /// By the name that the store has for it: `org.opencontainers.image.ref.name` of a layout, a tag of `docker save`,
    /// a reference or an image id of a daemon, a directory below a directory.
    Name(String),
    /// `@N`: by its position in the store, from 0.
    Position(usize),
}

/// A location as it is written, before a list or a default completes its reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartialLocation {
    Registry(PartialReference),
    Local(LocalImage),
}

/// A location that cannot be parsed, and the range of the invalid text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct LocationError {
    pub problem: LocationProblem,
    /// Byte range in the text that was parsed.
    pub at: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationProblem {
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error("a path is missing, as in {0}:PATH")]
    NoPath(&'static str),
    #[error("no name follows the ':'; leave it out to mean the only image")]
    NoName,
    #[error("{0:?} is no position; positions count from @0")]
    Position(String),
    #[error("an image is missing, as in {0}:localhost/app:1")]
    NoImage(&'static str),
    #[error("the ']' after the store is missing")]
    Unclosed,
    #[error(
        "{0}: is not supported; there are docker://, oci:, oci-archive:, dir:, docker-archive:, docker-daemon: and \
         containers-storage:"
    )]
    Unsupported(String),
}

/// The prefix of a reference in a registry.
pub(super) const REGISTRY_PREFIX: &str = "docker://";
/// Transports of other tools that this program cannot read.
const UNSUPPORTED: [&str; 4] = ["sif", "tarball", "ostree", "atomic"];

impl Location {
    #[must_use]
    pub fn store(&self) -> Store {
        match self {
            Self::Registry(reference) => Store::Registry(reference.registry.clone()),
            Self::Local(image) => Store::Local(image.store.clone()),
        }
    }

    #[must_use]
    pub fn reference(&self) -> Option<&Reference> {
        match self {
            Self::Registry(reference) => Some(reference),
            Self::Local(_) => None,
        }
    }

    #[must_use]
    pub fn registry(&self) -> Option<&Registry> {
        self.reference().map(|reference| &reference.registry)
    }

    /// The repository, for an image in a registry. Other stores keep the content of all images in one place.
    #[must_use]
    pub fn repository(&self) -> Option<&Repository> {
        self.reference().map(|reference| &reference.repository)
    }

    /// Whether it is named by a digest, so that writing to it replaces nothing.
    #[must_use]
    pub fn is_by_digest(&self) -> bool {
        let version = self.reference().map(Reference::version);
        matches!(version, Some(Version::Digest(_)))
    }

    /// The tag or digest; for a store of this machine, the whole location.
    #[must_use]
    pub fn version(&self) -> String {
        match self.reference() {
            Some(reference) => reference.version().to_string(),
            None => self.to_string(),
        }
    }

    #[must_use]
    pub fn local(&self) -> Option<&LocalImage> {
        match self {
            Self::Registry(_) => None,
            Self::Local(image) => Some(image),
        }
    }

    /// Whether the image is in this store.
    #[must_use]
    pub fn is_in(&self, store: &Store) -> bool {
        match (self, store) {
            (Self::Registry(reference), Store::Registry(registry)) => {
                reference.registry == *registry
            }
            (Self::Local(image), Store::Local(local)) => image.store == *local,
            (Self::Registry(_), Store::Local(_)) | (Self::Local(_), Store::Registry(_)) => false,
        }
    }

    /// What the image is called in its store: the repository with its tag or digest, or the name in a local store.
    /// Empty for the only image of a local store.
    #[must_use]
    pub fn name_in_store(&self) -> String {
        match self {
            Self::Registry(reference) => {
                let text = reference.to_string();
                let registry = reference.registry.as_str();
                text[registry.len() + 1..].to_owned()
            }
            Self::Local(image) => image
                .name
                .as_ref()
                .map_or_else(String::new, |name| name.to_string()),
        }
    }
}

impl StoredName {
    /// The name of another tag of the same repository: `team/api:1.2` and `latest` give `team/api:latest`, a name
    /// without a repository gives the tag alone.
    #[must_use]
    pub fn sibling(&self, tag: &Tag) -> Self {
        match self {
            Self::Position(_) => Self::Name(tag.to_string()),
            Self::Name(name) => {
                let name = name.split('@').next().unwrap_or_default();
                match name.rsplit_once(':') {
                    Some((repository, last)) if !last.contains('/') => {
                        Self::Name(format!("{repository}:{tag}"))
                    }
                    _ if name.contains('/') => Self::Name(format!("{name}:{tag}")),
                    _ => Self::Name(tag.to_string()),
                }
            }
        }
    }
}

impl PartialLocation {
    /// The complete location. `registry` is the default registry, `latest` the default tag.
    #[must_use]
    pub fn complete(self, registry: &Registry) -> Location {
        match self {
            Self::Registry(reference) => Location::Registry(reference.complete(registry)),
            Self::Local(image) => Location::Local(image),
        }
    }
}

impl From<Reference> for Location {
    fn from(reference: Reference) -> Self {
        Self::Registry(reference)
    }
}

impl FromStr for Location {
    type Err = LocationError;

    /// Parses a location. References are completed by Docker's rules.
    fn from_str(text: &str) -> Result<Self, LocationError> {
        match text.parse()? {
            PartialLocation::Local(image) => Ok(Self::Local(image)),
            PartialLocation::Registry(_) => {
                let (start, text) = without_prefix(text);
                let reference: Result<Reference, ReferenceError> = text.parse();
                let reference = reference.map_err(|error| reference_error(error, start))?;
                Ok(Self::Registry(reference))
            }
        }
    }
}

impl FromStr for PartialLocation {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        if let Some((transport, rest)) = Transport::split(text) {
            let start = text.len() - rest.len();
            let image = local_image(transport, rest).map_err(|error| error.shifted(start))?;
            return Ok(Self::Local(image));
        }
        if let Some((transport, _)) = text.split_once(':')
            && UNSUPPORTED.contains(&transport)
        {
            return Err(LocationProblem::Unsupported(transport.into()).at(0..transport.len()));
        }
        let (start, text) = without_prefix(text);
        let reference = text.parse();
        let reference = reference.map_err(|error| reference_error(error, start))?;
        Ok(Self::Registry(reference))
    }
}

/// The text of a reference, and where it starts.
fn without_prefix(text: &str) -> (usize, &str) {
    match text.strip_prefix(REGISTRY_PREFIX) {
        Some(rest) => (REGISTRY_PREFIX.len(), rest),
        None => (0, text),
    }
}

fn reference_error(error: ReferenceError, start: usize) -> LocationError {
    let at = error.at.clone();
    LocationProblem::Reference(error).at(at).shifted(start)
}

fn local_image(transport: Transport, rest: &str) -> Result<LocalImage, LocationError> {
    match transport {
        Transport::Oci | Transport::OciArchive | Transport::DockerArchive => {
            path_and_name(transport, rest)
        }
        Transport::Dir if rest.is_empty() => Err(LocationProblem::NoPath("dir").at(0..0)),
        Transport::Dir => Ok(LocalImage {
            store: LocalStore::new(transport, rest),
            name: None,
        }),
        Transport::DockerDaemon | Transport::ContainersStorage => bracketed(transport, rest),
    }
}

/// A path has no colon; what follows the first one names the image.
fn path_and_name(transport: Transport, rest: &str) -> Result<LocalImage, LocationError> {
    let (path, name) = match rest.split_once(':') {
        Some((path, name)) => (path, Some(name)),
        None => (rest, None),
    };
    if path.is_empty() {
        return Err(LocationProblem::NoPath(transport.name()).at(0..0));
    }
    let start = path.len() + 1;
    let name = match name {
        None => None,
        Some("") => return Err(LocationProblem::NoName.at(path.len()..start)),
        Some(name) => {
            let parsed = name.parse();
            Some(parsed.map_err(|problem: LocationProblem| problem.at(start..rest.len()))?)
        }
    };
    let store = LocalStore::new(transport, path);
    Ok(LocalImage { store, name })
}

/// `[STORE]NAME` or `NAME`.
fn bracketed(transport: Transport, rest: &str) -> Result<LocalImage, LocationError> {
    let (place, name) = match rest.strip_prefix('[') {
        Some(inside) => {
            (inside.split_once(']')).ok_or_else(|| LocationProblem::Unclosed.at(0..rest.len()))?
        }
        None => ("", rest),
    };
    if name.is_empty() {
        return Err(LocationProblem::NoImage(transport.name()).at(rest.len()..rest.len()));
    }
    Ok(LocalImage {
        store: LocalStore::new(transport, place),
        name: Some(StoredName::Name(name.into())),
    })
}

impl FromStr for StoredName {
    type Err = LocationProblem;

    fn from_str(text: &str) -> Result<Self, LocationProblem> {
        match text.strip_prefix('@') {
            None => Ok(Self::Name(text.into())),
            Some(position) => match position.parse() {
                Ok(position) => Ok(Self::Position(position)),
                Err(_) => Err(LocationProblem::Position(position.into())),
            },
        }
    }
}

impl LocationProblem {
    fn at(self, at: Range<usize>) -> LocationError {
        LocationError { problem: self, at }
    }
}

impl LocationError {
    fn shifted(self, by: usize) -> Self {
        Self {
            at: self.at.start + by..self.at.end + by,
            ..self
        }
    }
}

impl fmt::Display for LocalImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.store)?;
        match (&self.name, self.store.transport) {
            (None, _) => Ok(()),
            (Some(name), Transport::Dir) => write!(f, "/{name}"),
            (Some(name), Transport::Oci | Transport::OciArchive | Transport::DockerArchive) => {
                write!(f, ":{name}")
            }
            (Some(name), Transport::DockerDaemon | Transport::ContainersStorage) => {
                write!(f, "{name}")
            }
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(reference) => fmt::Display::fmt(reference, f),
            Self::Local(image) => fmt::Display::fmt(image, f),
        }
    }
}

impl fmt::Display for StoredName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Position(position) => write!(f, "@{position}"),
        }
    }
}

impl fmt::Debug for LocalImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

written_as_text!(StoredName);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Location {
        text.parse().unwrap()
    }

    fn problem(text: &str) -> (String, &str) {
        let error = text.parse::<Location>().unwrap_err();
        (error.to_string(), &text[error.at])
    }

    #[test]
    fn what_skopeo_understands_is_read_and_written_back() {
        for text in [
            "oci:/srv/estate:team/api:1.2",
            "oci:estate:@3",
            "oci-archive:week-1.tar:app",
            "dir:/tmp/image",
            "docker-archive:app.tar",
            "docker-archive:app.tar:localhost/app:1",
            "docker-archive:app.tar:@0",
            "docker-daemon:nginx:1.27",
            "docker-daemon:[unix:///run/podman/podman.sock]nginx:1.27",
            "containers-storage:localhost/app:1",
            "containers-storage:[overlay@/var/lib/containers/storage]localhost/app:1",
            "quay.io/team/api:1.2",
        ] {
            assert_eq!(read(text).to_string(), text);
            let json = serde_json::to_string(&read(text)).unwrap();
            assert_eq!(serde_json::from_str::<Location>(&json).unwrap(), read(text));
        }
        assert_eq!(
            read("docker://nginx").to_string(),
            "docker.io/library/nginx:latest"
        );
    }

    #[test]
    fn no_prefix_means_a_registry() {
        assert_eq!(read("team/api:1.2"), read("docker://team/api:1.2"));
        let text = "docker://localhost:5000/app";
        assert_eq!(read("localhost:5000/app"), read(text));
    }

    #[test]
    fn a_path_ends_at_the_first_colon() {
        let location = read("oci:estate:team/api:1.2");
        let image = location.local().unwrap();
        assert_eq!(image.store, LocalStore::new(Transport::Oci, "estate"));
        assert_eq!(image.name, Some(StoredName::Name("team/api:1.2".into())));
        assert_eq!(read("dir:a:b").local().unwrap().store.place(), "a:b");
    }

    #[test]
    fn a_mistake_is_blamed_on_the_text_that_makes_it() {
        let (text, at) = problem("docker://Team/api");
        assert!(text.contains("uppercase"), "{text}");
        assert_eq!(at, "Team");
        assert_eq!(problem("oci:").0, "a path is missing, as in oci:PATH");
        assert_eq!(problem("oci:estate:").1, ":");
        assert_eq!(problem("docker-archive:a.tar:@x").1, "@x");
        assert_eq!(problem("containers-storage:[overlay").1, "[overlay");
        assert_eq!(problem("sif:image.sif").1, "sif");
        assert!(problem("docker-daemon:").0.contains("image is missing"));
    }

    #[test]
    fn a_sibling_is_another_tag_of_the_same_repository() {
        let tag = "latest".parse().unwrap();
        let sibling = |name: &str| StoredName::Name(name.into()).sibling(&tag).to_string();
        assert_eq!(sibling("team/api:1.2"), "team/api:latest");
        assert_eq!(sibling("localhost:5000/api"), "localhost:5000/api:latest");
        assert_eq!(sibling("1.2"), "latest");
    }
}

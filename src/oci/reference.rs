//! References: registry, repository, tag and digest.
//!
//! Decides the grammar (distribution-spec "Pulling manifests"; Docker's rule for when the first component is a host) and
//! the canonical form. Invariants: the parts of a [`Reference`] are valid. Docker Hub has one name, in every spelling.

use std::{fmt, net::IpAddr, ops::Range, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Digest, DigestError};

/// The canonical name of Docker Hub.
pub const DOCKER_HUB: &str = "docker.io";
/// The host of Docker Hub's API.
const DOCKER_HUB_API: &str = "registry-1.docker.io";

/// A registry by `host` or `host:port`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Registry(Arc<str>);

/// A repository path such as `library/nginx`, without its registry.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository(Arc<str>);

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Arc<str>);

/// A tag or digest, which selects a manifest in a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    Tag(Tag),
    Digest(Digest),
}

/// A complete reference. If it has both a tag and a digest, the digest selects the manifest.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    pub registry: Registry,
    pub repository: Repository,
    pub tag: Option<Tag>,
    pub digest: Option<Digest>,
}

/// A reference whose parts may be missing, before a list or a default completes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialReference {
    pub registry: Option<Registry>,
    pub repository: Repository,
    pub tag: Option<Tag>,
    pub digest: Option<Digest>,
}

/// A reference that cannot be parsed, and the range of the invalid text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ReferenceError {
    pub problem: ReferenceProblem,
    /// Byte range in the text that was parsed.
    pub at: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceProblem {
    #[error("a reference needs a repository, for example library/nginx:1.27")]
    Empty,
    #[error("a registry is written host or host:port, without a scheme or a path")]
    Registry,
    #[error(
        "{0:?} alone would be read as part of a repository path; write its port, as in {0}:443"
    )]
    BareHost(String),
    #[error("{0:?} has uppercase letters; a repository is written in lowercase")]
    Uppercase(String),
    #[error(
        "{0:?} is not a repository path component: lowercase letters and digits, \
         separated by '.', '_', '__' or '-'"
    )]
    Component(String),
    #[error("a repository path has at most 255 characters")]
    TooLong,
    #[error(
        "{0:?} is not a tag: up to 128 letters, digits, '_', '.', '-', \
         the first a letter, a digit or '_'"
    )]
    Tag(String),
    #[error(transparent)]
    Digest(#[from] DigestError),
}

impl Registry {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Host and port of the API. Differs from the name only for Docker Hub.
    #[must_use]
    pub fn api_host(&self) -> &str {
        if self.is_docker_hub() {
            DOCKER_HUB_API
        } else {
            &self.0
        }
    }

    #[must_use]
    pub fn is_docker_hub(&self) -> bool {
        &*self.0 == DOCKER_HUB
    }

    /// The host without its port; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        match self
            .0
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            Some((address, _)) => address,
            None => self.0.split(':').next().unwrap_or_default(),
        }
    }

    /// Whether this registry is on this machine: `localhost`, `127.0.0.0/8`, `::1`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost"
            || host.ends_with(".localhost")
            || host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for Registry {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => match rest.split_once(']') {
                Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => (
                    "ipv6",
                    port.strip_prefix(':').or(port.is_empty().then_some("1")),
                ),
                _ => ("", None),
            },
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, Some("1")),
            },
        };
        let label = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        let port = port.is_some_and(|port| {
            port.bytes().all(|byte| byte.is_ascii_digit())
                && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if !port || !host.split('.').all(label) {
            return Err(problem(ReferenceProblem::Registry, 0..text.len()));
        }
        let name = text.to_ascii_lowercase();
        if !looks_like_host(&name) {
            return Err(problem(ReferenceProblem::BareHost(name), 0..text.len()));
        }
        Ok(match name.as_str() {
            "index.docker.io" | DOCKER_HUB_API => Self(DOCKER_HUB.into()),
            _ => Self(name.into()),
        })
    }
}

impl Repository {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// This repository below `prefix`: `team` and `library/nginx` give `team/library/nginx`.
    #[must_use]
    pub fn below(&self, prefix: &Repository) -> Self {
        Self(format!("{prefix}/{self}").into())
    }
}

impl FromStr for Repository {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.is_empty() {
            return Err(problem(ReferenceProblem::Empty, 0..0));
        }
        let mut start = 0;
        for component in text.split('/') {
            let at = start..start + component.len();
            start = at.end + 1;
            if component.bytes().any(|byte| byte.is_ascii_uppercase()) {
                return Err(problem(ReferenceProblem::Uppercase(component.into()), at));
            }
            if !is_component(component) {
                return Err(problem(ReferenceProblem::Component(component.into()), at));
            }
        }
        if text.len() > 255 {
            return Err(problem(ReferenceProblem::TooLong, 0..text.len()));
        }
        Ok(Self(text.into()))
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` (distribution-spec, "Pulling manifests").
fn is_component(text: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let Some((first, last)) = text.bytes().next().zip(text.bytes().last()) else {
        return false;
    };
    alphanumeric(first)
        && alphanumeric(last)
        && text
            .split(|c: char| c.is_ascii() && alphanumeric(c as u8))
            .filter(|separator| !separator.is_empty())
            .all(|separator| {
                matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
            })
}

impl Tag {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn latest() -> Self {
        Self("latest".into())
    }
}

impl FromStr for Tag {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let valid = text.len() <= 128
            && text.bytes().next().is_some_and(word)
            && text
                .bytes()
                .all(|byte| word(byte) || byte == b'.' || byte == b'-');
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(problem(ReferenceProblem::Tag(text.into()), 0..text.len()))
        }
    }
}

impl PartialReference {
    /// The complete reference. `registry` is the default registry, `latest` the default tag.
    #[must_use]
    pub fn complete(self, registry: &Registry) -> Reference {
        let tag = match (&self.tag, &self.digest) {
            (None, None) => Some(Tag::latest()),
            _ => self.tag,
        };
        Reference {
            registry: self.registry.unwrap_or_else(|| registry.clone()),
            repository: self.repository,
            tag,
            digest: self.digest,
        }
    }
}

impl FromStr for PartialReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                let at = name.len() + 1..text.len();
                let digest = digest
                    .parse()
                    .map_err(|error: DigestError| problem(error.into(), at))?;
                (name, Some(digest))
            }
            None => (text, None),
        };
        // Docker's rule: the first component is a host when it looks like one.
        let (registry, path_start) = match name.split_once('/') {
            Some((first, _)) if looks_like_host(first) => (Some(first.parse()?), first.len() + 1),
            _ => (None, 0),
        };
        let (path, tag) = match name[path_start..].split_once(':') {
            Some((path, tag)) => {
                let start = path_start + path.len() + 1;
                (
                    path,
                    Some(tag.parse::<Tag>().map_err(|error| error.shifted(start))?),
                )
            }
            None => (&name[path_start..], None),
        };
        let repository = path
            .parse::<Repository>()
            .map_err(|error| error.shifted(path_start))?;
        Ok(Self {
            registry,
            repository,
            tag,
            digest,
        })
    }
}

/// Docker's rule, but an uppercase letter does not make a host: it is a typo in a path far more often than a host without
/// a dot.
fn looks_like_host(component: &str) -> bool {
    component.eq_ignore_ascii_case("localhost") || component.contains(['.', ':', '['])
}

impl ReferenceError {
    fn shifted(self, by: usize) -> Self {
        Self {
            at: self.at.start + by..self.at.end + by,
            ..self
        }
    }
}

fn problem(problem: ReferenceProblem, at: Range<usize>) -> ReferenceError {
    ReferenceError { problem, at }
}

impl Reference {
    /// The digest if there is one, else the tag.
    #[must_use]
    pub fn version(&self) -> Version {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Version::Digest(digest.clone()),
            (None, Some(tag)) => Version::Tag(tag.clone()),
            (None, None) => Version::Tag(Tag::latest()),
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    /// Parses a reference by Docker's rules: the default registry is Docker Hub, a single component there is below
    /// `library/`, and the default tag is `latest`.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let mut partial: PartialReference = text.parse()?;
        let registry = partial
            .registry
            .get_or_insert_with(|| Registry(DOCKER_HUB.into()))
            .clone();
        if registry.is_docker_hub() && !partial.repository.as_str().contains('/') {
            partial.repository = Repository(format!("library/{}", partial.repository).into());
        }
        Ok(partial.complete(&registry))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => fmt::Display::fmt(tag, f),
            Self::Digest(digest) => fmt::Display::fmt(digest, f),
        }
    }
}

macro_rules! written_as_text {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                std::borrow::Cow::<str>::deserialize(deserializer)?
                    .parse()
                    .map_err(de::Error::custom)
            }
        }
    )*};
}
written_as_text!(Registry, Repository, Tag, Reference);

macro_rules! shown_as_inner {
    ($($name:ty),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
shown_as_inner!(Registry, Repository, Tag);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        text.parse::<Reference>().map_or_else(
            |error| format!("{error} at {:?}", error.at),
            |r| r.to_string(),
        )
    }

    #[test]
    fn references_have_one_canonical_form() {
        assert_eq!(read("nginx"), "docker.io/library/nginx:latest");
        assert_eq!(
            read("index.docker.io/bitnami/redis:7"),
            "docker.io/bitnami/redis:7"
        );
        assert_eq!(read("localhost:5000/app"), "localhost:5000/app:latest");
        assert_eq!(read("[::1]:5000/a/b:1"), "[::1]:5000/a/b:1");
        assert_eq!(
            read("quay.io/a__b/c-d.e:V1_0-rc.1"),
            "quay.io/a__b/c-d.e:V1_0-rc.1"
        );
        let pinned = format!("ghcr.io/a/b:1@sha256:{}", "ab".repeat(32));
        assert_eq!(read(&pinned), pinned);
    }

    #[test]
    fn a_mistake_is_blamed_on_the_bytes_that_make_it() {
        let at = |text: &str| text.parse::<PartialReference>().unwrap_err().at;
        assert_eq!(at("quay.io/team/App:1"), 13..16);
        assert_eq!(at("team/app:-x"), 9..11);
        assert_eq!(at("team/app@sha256:zz"), 9..18);
        assert_eq!(at("https://x"), 0..6);
        assert_eq!(at("team//app"), 5..5);
        assert_eq!(at("team/a___b"), 5..10);
    }

    #[test]
    fn a_partial_reference_keeps_what_was_not_written_open() {
        let partial: PartialReference = "library/nginx:1.27".parse().unwrap();
        assert_eq!(partial.registry, None);
        let complete = partial.complete(&"harbor.example".parse().unwrap());
        assert_eq!(complete.to_string(), "harbor.example/library/nginx:1.27");
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let loopback = |text: &str| text.parse::<Registry>().unwrap().is_loopback();
        assert!(loopback("localhost:5000") && loopback("127.0.0.9:1") && loopback("[::1]:80"));
        assert!(!loopback("10.0.0.1:5000") && !loopback("localhost.example.com"));
    }

    #[test]
    fn a_host_that_would_be_read_as_a_path_needs_its_port() {
        assert!("harbor:443".parse::<Registry>().is_ok());
        let error = "harbor".parse::<Registry>().unwrap_err();
        assert_eq!(error.problem, ReferenceProblem::BareHost("harbor".into()));
        let error = "Library/nginx".parse::<Reference>().unwrap_err();
        assert_eq!(error.at, 0..7);
    }

    #[test]
    fn hosts_are_checked() {
        for wrong in [
            "",
            "a b",
            "host:",
            "host:0",
            "host:99999",
            "-a.b",
            "http://x",
            "[::1",
            "a..b",
        ] {
            assert!(wrong.parse::<Registry>().is_err(), "{wrong}");
        }
    }
}

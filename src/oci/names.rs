//! The names in a reference: registry, repository, tag.
//!
//! Decides their grammar (distribution-spec "Pulling manifests") and that Docker Hub has one name in every spelling.
//! Invariant: a name is valid.

use std::{fmt, net::IpAddr, str::FromStr, sync::Arc};

use super::reference_error::{ReferenceError, ReferenceProblem, problem};

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

impl Registry {
    pub(super) fn docker_hub() -> Self {
        Self(DOCKER_HUB.into())
    }

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
    /// The parent of Docker Hub's official images.
    pub(super) fn library() -> Self {
        Self("library".into())
    }

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

/// Docker's rule, but an uppercase letter does not make a host: it is a typo in a path far more often than a host without
/// a dot.
pub(super) fn looks_like_host(component: &str) -> bool {
    component.eq_ignore_ascii_case("localhost") || component.contains(['.', ':', '['])
}

/// Serializes a type as its text.
macro_rules! written_as_text {
    ($($name:ty),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <std::borrow::Cow<'_, str> as serde::Deserialize>::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    )*};
}
pub(super) use written_as_text;
written_as_text!(Registry, Repository, Tag);

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
    use crate::oci::Reference;

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

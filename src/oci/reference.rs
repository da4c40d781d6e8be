//! References: registry, repository, tag and digest.
//!
//! Decides how a text is divided into these parts (Docker's rule for when the first component is a host), and the
//! defaults of missing ones. Invariant: a [`Reference`] has one canonical form.

use std::{fmt, str::FromStr};

use super::{
    Digest, DigestError, Registry, Repository, Tag,
    names::{looks_like_host, written_as_text},
    reference_error::{ReferenceError, problem},
};

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
            .get_or_insert_with(Registry::docker_hub)
            .clone();
        if registry.is_docker_hub() && !partial.repository.as_str().contains('/') {
            partial.repository = partial.repository.below(&Repository::library());
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

written_as_text!(Reference);

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
}

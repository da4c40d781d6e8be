//! The keys of credentials files: the registry, or the part of it, that an entry is for.
//!
//! Decides how the spellings of docker (`https://index.docker.io/v1/`) and podman (`registry.example/team/app`) are
//! parsed, and which key is the most specific. Invariant: a key matches whole path components only.

use std::fmt;

use crate::oci::{Registry, Repository};

/// Docker's key for Docker Hub.
pub(super) const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// A registry, or the part of it below a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub registry: Registry,
    pub below: Option<Repository>,
}

impl Key {
    /// Parses a key of a file; `None` if it names no registry.
    pub(super) fn read(written: &str) -> Option<Self> {
        let lower = written.trim().to_ascii_lowercase();
        let stripped = ["https://", "http://"]
            .iter()
            .find_map(|scheme| lower.strip_prefix(scheme));
        let (host, path) = stripped
            .unwrap_or(&lower)
            .split_once('/')
            .unwrap_or((stripped.unwrap_or(&lower), ""));
        // The path of a URL is the API's, and so is `v1/` or `v2/` of old docker.
        let api = stripped.is_some() || matches!(path, "v1/" | "v2/");
        let below = match path.trim_end_matches('/') {
            "" => None,
            _ if api => None,
            path => Some(path.parse().ok()?),
        };
        Some(Self {
            registry: host.parse().ok()?,
            below,
        })
    }

    /// How specific this key is for the repository, higher is more; `None` if it does not match.
    pub(super) fn specificity(
        &self,
        registry: &Registry,
        repository: Option<&Repository>,
    ) -> Option<usize> {
        if self.registry != *registry {
            return None;
        }
        let Some(below) = &self.below else {
            return Some(0);
        };
        let rest = repository?.as_str().strip_prefix(below.as_str())?;
        (rest.is_empty() || rest.starts_with('/')).then_some(below.as_str().len())
    }

    /// How docker and podman write this key.
    pub(super) fn written(&self) -> String {
        match &self.below {
            None if self.registry.is_docker_hub() => DOCKER_HUB_KEY.into(),
            None => self.registry.to_string(),
            Some(below) => format!("{}/{below}", self.registry),
        }
    }
}

impl From<Registry> for Key {
    fn from(registry: Registry) -> Self {
        Self {
            registry,
            below: None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.below {
            None => write!(f, "{}", self.registry),
            Some(below) => write!(f, "{}/{below}", self.registry),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closeness(key: &str, registry: &str, repository: &str) -> Option<usize> {
        let repository = repository.parse().ok();
        Key::read(key)?.specificity(&registry.parse().unwrap(), repository.as_ref())
    }

    #[test]
    fn every_spelling_of_a_registry_is_that_registry() {
        for key in [
            "r.example",
            "https://r.example",
            "http://R.example/",
            "https://r.example/v1/",
            "r.example/v2/",
        ] {
            assert_eq!(closeness(key, "r.example", "a"), Some(0), "{key}");
        }
        for key in [
            DOCKER_HUB_KEY,
            "docker.io",
            "index.docker.io",
            "https://registry-1.docker.io/v2/",
        ] {
            assert_eq!(
                closeness(key, "docker.io", "library/nginx"),
                Some(0),
                "{key}"
            );
        }
        assert_eq!(closeness("r.example", "r.example:5000", "a"), None);
        assert_eq!(closeness("not a key", "r.example", "a"), None);
    }

    #[test]
    fn a_key_below_a_path_is_closer_and_matches_whole_components() {
        assert_eq!(
            closeness("r.example/team", "r.example", "team/app"),
            Some(4)
        );
        assert_eq!(
            closeness("r.example/team/app", "r.example", "team/app"),
            Some(8)
        );
        assert_eq!(closeness("r.example/tea", "r.example", "team/app"), None);
        assert_eq!(closeness("r.example/team/app", "r.example", "team"), None);
        assert_eq!(closeness("r.example/team", "r.example", ""), None);
        assert_eq!(
            closeness("docker.io/library", "docker.io", "library/nginx"),
            Some(7)
        );
    }

    #[test]
    fn keys_are_written_as_docker_reads_them() {
        let written = |key: &str| Key::read(key).unwrap().written();
        assert_eq!(written("docker.io"), DOCKER_HUB_KEY);
        assert_eq!(written("https://r.example:5000/v1/"), "r.example:5000");
        assert_eq!(written("quay.io/team"), "quay.io/team");
    }
}

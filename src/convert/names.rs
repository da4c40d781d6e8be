//! References of other tools.
//!
//! Decides that Docker's defaults complete them: Docker Hub, `library/`. Invariant: the written form has a registry, so
//! that a list reads it as a reference and as nothing else.

use crate::oci::{DOCKER_HUB, Digest, PartialReference, Registry, Repository};

/// A reference with its registry.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) registry: Registry,
    pub(super) repository: Repository,
    /// `:TAG`, `@DIGEST`, both or nothing.
    pub(super) version: String,
}

impl Name {
    /// The reason is a sentence without its subject.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix("docker://").unwrap_or(text);
        if text.parse::<Digest>().is_ok() {
            return Err("it is the digest of an image without its name".into());
        }
        if text.contains(['$', '{']) {
            return Err("it is a template; write its value".into());
        }
        let reference: PartialReference = text.parse().map_err(|error| format!("{error}"))?;
        let hub = || DOCKER_HUB.parse().map_err(|error| format!("{error}"));
        let registry = reference.registry.map_or_else(hub, Ok)?;
        let mut repository = reference.repository;
        if registry.is_docker_hub() && !repository.as_str().contains('/') {
            let official = format!("library/{repository}").parse();
            repository = official.map_err(|error| format!("{error}"))?;
        }
        let tag = reference.tag.map(|tag| format!(":{tag}"));
        let digest = reference.digest.map(|digest| format!("@{digest}"));
        Ok(Self {
            registry,
            repository,
            version: tag.into_iter().chain(digest).collect(),
        })
    }

    /// Without tag and digest.
    pub(super) fn of_repository(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    pub(super) fn whole(&self) -> String {
        format!("{}{}", self.of_repository(), self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_as_docker_does_it() {
        let whole = |text: &str| Name::parse(text).map(|name| name.whole());
        for (text, expected) in [
            ("nginx", "docker.io/library/nginx"),
            ("oci:1", "docker.io/library/oci:1"),
            ("team/api:2", "docker.io/team/api:2"),
            ("docker://quay.io/a/b:1", "quay.io/a/b:1"),
            ("localhost:5000/a", "localhost:5000/a"),
        ] {
            assert_eq!(whole(text).as_deref(), Ok(expected), "{text}");
        }
        let digest = format!("sha256:{}", "0".repeat(64));
        assert!(whole(&digest).unwrap_err().contains("without its name"));
        assert!(whole("oci:/srv/x").is_err());
        assert!(whole("${IMAGE}").unwrap_err().contains("template"));
    }
}

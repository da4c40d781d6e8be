//! Media types of manifests and blobs (image-spec media-types.md; Docker image manifest v2 schema 2).
//!
//! Decides which kind of content a type is. Invariant: unknown types are kept as they are and belong to no kind.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// A media type without parameters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaType(Arc<str>);

impl MediaType {
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    pub const OCI_ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    pub const DOCKER_LAYER_PLAIN: &str = "application/vnd.docker.image.rootfs.diff.tar";
    pub const DOCKER_SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+json";
    pub const DOCKER_SCHEMA1_SIGNED: &str =
        "application/vnd.docker.distribution.manifest.v1+prettyjws";

    /// The `Accept` header of manifest requests: every kind that can be copied, and schema 1, so that a registry that has
    /// only schema 1 does not answer "not found".
    pub const MANIFESTS: [&str; 7] = [
        Self::OCI_INDEX,
        Self::OCI_MANIFEST,
        Self::OCI_ARTIFACT,
        Self::DOCKER_LIST,
        Self::DOCKER_MANIFEST,
        Self::DOCKER_SCHEMA1_SIGNED,
        Self::DOCKER_SCHEMA1,
    ];

    /// The type of a `Content-Type` or `mediaType` field. Parameters such as `charset` are dropped.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.split(';').next().unwrap_or_default().trim().into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An OCI index or a Docker manifest list.
    #[must_use]
    pub fn is_index(&self) -> bool {
        matches!(self.as_str(), Self::OCI_INDEX | Self::DOCKER_LIST)
    }

    /// Any manifest: content that is stored under `/manifests/`, not `/blobs/`.
    #[must_use]
    pub fn is_manifest(&self) -> bool {
        Self::MANIFESTS.contains(&self.as_str())
    }

    #[must_use]
    pub fn is_schema1(&self) -> bool {
        matches!(
            self.as_str(),
            Self::DOCKER_SCHEMA1 | Self::DOCKER_SCHEMA1_SIGNED
        )
    }

    /// A foreign layer, which is downloaded from the descriptor's `urls` (image-spec layer.md, "Non-Distributable
    /// Layers").
    #[must_use]
    pub fn is_foreign_layer(&self) -> bool {
        self.0
            .starts_with("application/vnd.docker.image.rootfs.foreign.diff.tar")
            || self
                .0
                .starts_with("application/vnd.oci.image.layer.nondistributable.")
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_not_part_of_the_type() {
        let media_type = MediaType::new("application/vnd.oci.image.index.v1+json; charset=utf-8");
        assert!(media_type.is_index());
        assert!(media_type.is_manifest());
    }

    #[test]
    fn foreign_layers_are_known_by_their_type() {
        let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
        assert!(MediaType::new(foreign).is_foreign_layer());
        assert!(!MediaType::new(MediaType::DOCKER_LAYER).is_foreign_layer());
    }
}

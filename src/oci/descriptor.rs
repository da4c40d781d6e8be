//! Descriptors (image-spec descriptor.md): references from one piece of content to another.
//!
//! Decides which fields are parsed: those that the program uses. Manifests are copied as raw bytes, so other fields are
//! not lost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Digest, MediaType, Platform};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    pub media_type: MediaType,
    pub digest: Digest,
    /// Length of the content in bytes.
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<MediaType>,
    /// Where a foreign layer can be downloaded.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub urls: Vec<String>,
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// Whether an entry of an index is a blob. Build caches list layers in an index (quirk 49, see registry/quirks.md).
    #[must_use]
    pub fn is_blob(&self) -> bool {
        let media_type = self.media_type.as_str();
        !self.media_type.is_manifest()
            && (media_type.contains(".layer.")
                || media_type.contains(".rootfs.")
                || media_type.contains(".config.")
                || media_type == MediaType::OCI_CONFIG
                || media_type == MediaType::DOCKER_CONFIG)
    }
}

/// Builders written in Go write an absent list as `null`.
pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

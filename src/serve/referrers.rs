//! The descriptor of a referrer in the list of its subject's referrers (distribution-spec "Listing Referrers").
//!
//! Invariant: a manifest that cannot be parsed has no subject.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::oci::{Descriptor, Digest, MediaType};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Referring {
    subject: Option<Descriptor>,
    artifact_type: Option<MediaType>,
    config: Option<Config>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    media_type: MediaType,
}

/// The subject of a manifest, and the manifest's descriptor in the subject's list.
pub(crate) fn described(
    digest: &Digest,
    media_type: &MediaType,
    bytes: &[u8],
) -> Option<(Digest, Descriptor)> {
    let manifest: Referring = serde_json::from_slice(bytes).ok()?;
    let subject = manifest.subject?.digest;
    // The spec: without an artifact type, the media type of the config.
    let config = manifest.config.map(|config| config.media_type);
    let artifact_type = manifest
        .artifact_type
        .filter(|artifact_type| !artifact_type.as_str().is_empty())
        .or(config);
    let descriptor = Descriptor {
        media_type: media_type.clone(),
        digest: digest.clone(),
        size: bytes.len() as u64,
        platform: None,
        artifact_type,
        urls: Vec::new(),
        annotations: manifest.annotations.unwrap_or_default(),
    };
    Some((subject, descriptor))
}

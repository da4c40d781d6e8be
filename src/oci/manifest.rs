//! Manifests and indexes: the raw bytes, and the little of them that copying acts on.
//!
//! Invariant: the bytes are never changed or re-encoded; their digest is the image's identity.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;

use super::{Descriptor, Digest, MediaType, descriptor::null_as_default};

/// A manifest as a registry sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub raw: Bytes,
    pub media_type: MediaType,
    pub digest: Digest,
    pub content: ManifestContent,
    /// The manifest this one refers to (image-spec manifest.md, `subject`).
    pub subject: Option<Descriptor>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestContent {
    /// An OCI index or a Docker manifest list.
    Index(Vec<Descriptor>),
    /// An image or any other OCI artifact; an artifact manifest may have no config.
    Image {
        config: Option<Box<Descriptor>>,
        layers: Vec<Descriptor>,
        artifact_type: Option<MediaType>,
    },
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("the manifest is not JSON of the expected shape: {0}")]
    Json(Arc<serde_json::Error>),
    #[error(
        "this is a Docker schema 1 manifest, deprecated since 2017; \
         pull it with an old Docker and push it again to convert it"
    )]
    Schema1,
    #[error("{0} is not a manifest type that can be copied")]
    Unknown(MediaType),
    #[error("the manifest names neither its media type nor its content")]
    Shapeless,
}

impl From<serde_json::Error> for ManifestError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(Arc::new(error))
    }
}

impl Manifest {
    /// Reads `raw` as the manifest type it says it is, else as `content_type`
    /// (distribution-spec, "Pulling manifests": the two should agree).
    pub fn parse(raw: Bytes, content_type: Option<&str>) -> Result<Self, ManifestError> {
        let digest = Digest::of(&raw);
        Self::parse_as(raw, digest, content_type)
    }

    /// As [`parse`](Self::parse), under a digest already computed over `raw` with its own algorithm.
    pub fn parse_as(
        raw: Bytes,
        digest: Digest,
        content_type: Option<&str>,
    ) -> Result<Self, ManifestError> {
        let fields: Fields = serde_json::from_slice(&raw)?;
        let header = content_type
            .map(MediaType::new)
            .filter(MediaType::is_manifest);
        let media_type = match (fields.media_type, header) {
            (Some(own), _) => own,
            (None, Some(header)) => header,
            (None, None) if fields.schema_version == 1 => return Err(ManifestError::Schema1),
            (None, None) if fields.manifests.is_some() => MediaType::new(MediaType::OCI_INDEX),
            (None, None) if fields.config.is_some() => MediaType::new(MediaType::OCI_MANIFEST),
            (None, None) => return Err(ManifestError::Shapeless),
        };
        if media_type.is_schema1() || fields.schema_version == 1 {
            return Err(ManifestError::Schema1);
        }
        let content = if media_type.is_index() {
            ManifestContent::Index(fields.manifests.unwrap_or_default())
        } else if media_type.is_manifest() {
            ManifestContent::Image {
                config: fields.config.map(Box::new),
                layers: if fields.layers.is_empty() {
                    fields.blobs
                } else {
                    fields.layers
                },
                artifact_type: fields.artifact_type,
            }
        } else {
            return Err(ManifestError::Unknown(media_type));
        };
        Ok(Self {
            raw,
            media_type,
            digest,
            content,
            subject: fields.subject,
        })
    }

    /// The children of an index; none for an image.
    #[must_use]
    pub fn children(&self) -> &[Descriptor] {
        match &self.content {
            ManifestContent::Index(manifests) => manifests,
            ManifestContent::Image { .. } => &[],
        }
    }

    /// The config and layers of an image, config first; none for an index.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let (config, layers) = match &self.content {
            ManifestContent::Index(_) => (None, [].as_slice()),
            ManifestContent::Image { config, layers, .. } => (config.as_deref(), layers.as_slice()),
        };
        config.into_iter().chain(layers)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    #[serde(default)]
    schema_version: u32,
    media_type: Option<MediaType>,
    artifact_type: Option<MediaType>,
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    #[serde(default, deserialize_with = "null_as_default")]
    layers: Vec<Descriptor>,
    /// The field of the withdrawn OCI artifact manifest; still found in registries.
    #[serde(default, deserialize_with = "null_as_default")]
    blobs: Vec<Descriptor>,
    subject: Option<Descriptor>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(
        value: &serde_json::Value,
        content_type: Option<&str>,
    ) -> Result<Manifest, ManifestError> {
        Manifest::parse(value.to_string().into(), content_type)
    }

    fn descriptor(media_type: &str) -> serde_json::Value {
        json!({"mediaType": media_type, "digest": Digest::of(media_type.as_bytes()), "size": 7})
    }

    #[test]
    fn an_image_lists_its_config_before_its_layers() {
        let manifest = parse(
            &json!({"schemaVersion": 2, "config": descriptor(MediaType::OCI_CONFIG),
                    "layers": [descriptor(MediaType::OCI_LAYER_GZIP)]}),
            Some(MediaType::OCI_MANIFEST),
        )
        .unwrap();
        let types: Vec<_> = manifest
            .blobs()
            .map(|blob| blob.media_type.as_str())
            .collect();
        assert_eq!(types, [MediaType::OCI_CONFIG, MediaType::OCI_LAYER_GZIP]);
    }

    #[test]
    fn null_layers_are_no_layers() {
        let manifest = parse(
            &json!({"schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
                    "config": descriptor(MediaType::OCI_EMPTY), "layers": null}),
            None,
        )
        .unwrap();
        assert_eq!(manifest.blobs().count(), 1);
    }

    #[test]
    fn schema_1_is_refused_in_a_sentence() {
        let manifest = json!({"schemaVersion": 1, "name": "old/app", "fsLayers": []});
        let error = parse(&manifest, Some(MediaType::DOCKER_SCHEMA1_SIGNED)).unwrap_err();
        assert!(matches!(error, ManifestError::Schema1));
        assert!(matches!(
            parse(&manifest, None),
            Err(ManifestError::Schema1)
        ));
    }

    #[test]
    fn a_page_of_html_is_not_a_manifest() {
        let error = Manifest::parse("<html>".into(), Some("text/html")).unwrap_err();
        assert!(matches!(error, ManifestError::Json(_)));
        assert!(matches!(
            parse(&json!({}), Some("text/html")),
            Err(ManifestError::Shapeless)
        ));
    }
}

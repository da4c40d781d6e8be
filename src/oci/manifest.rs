//! Manifests and indexes: the raw bytes, and the fields that a copy needs.
//!
//! Decides what a manifest is. Refuses one that other readers may understand differently, and one with more entries than
//! any image has. Invariant: the bytes are never changed or re-encoded; their digest is the image's identity.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;

use super::{Descriptor, Digest, MediaType, descriptor::null_as_default, scan::Scan};

/// Descriptors of one manifest. Parsed descriptors take several times their bytes.
pub const MAX_DESCRIPTORS: usize = 10_000;
/// Annotations and URLs of one manifest, those of its descriptors included.
pub const MAX_ENTRIES: usize = 20_000;

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
    /// An image or any other OCI artifact. An artifact manifest may have no config.
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
    #[error("the manifest has no media type, and its content is of no known type")]
    UnknownType,
    #[error("the manifest is ambiguous, readers may understand it differently: {0}")]
    Ambiguous(String),
    #[error("one manifest holds {count} {what}, more than the {max} that one manifest may have")]
    TooMany {
        what: &'static str,
        count: usize,
        max: usize,
    },
}

impl From<serde_json::Error> for ManifestError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(Arc::new(error))
    }
}

impl Manifest {
    /// Parses `raw` with the media type in it, else as `content_type` (distribution-spec, "Pulling manifests": the two
    /// should agree).
    pub fn parse(raw: Bytes, content_type: Option<&str>) -> Result<Self, ManifestError> {
        let digest = Digest::of(&raw);
        Self::parse_as(raw, digest, content_type)
    }

    /// As [`parse`](Self::parse), with a digest that was computed from `raw` before.
    pub fn parse_as(
        raw: Bytes,
        digest: Digest,
        content_type: Option<&str>,
    ) -> Result<Self, ManifestError> {
        let scan = scan(&raw)?;
        let fields: Fields = serde_json::from_slice(&raw)?;
        let header = content_type
            .map(MediaType::new)
            .filter(MediaType::is_manifest);
        check_types(fields.media_type.as_ref(), header.as_ref())?;
        let media_type = match (fields.media_type, header) {
            (Some(own), _) => own,
            (None, Some(header)) => header,
            (None, None) if fields.schema_version == 1 => return Err(ManifestError::Schema1),
            (None, None) if fields.manifests.is_some() => MediaType::new(MediaType::OCI_INDEX),
            (None, None) if fields.config.is_some() => MediaType::new(MediaType::OCI_MANIFEST),
            (None, None) => return Err(ManifestError::UnknownType),
        };
        if media_type.is_schema1() || fields.schema_version == 1 {
            return Err(ManifestError::Schema1);
        }
        check_content(&scan, &media_type)?;
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

/// The descriptors of a list of referrers: an index that has no digest of its own.
///
/// # Errors
/// As [`Manifest::parse`].
pub fn listed_descriptors(raw: &[u8]) -> Result<Vec<Descriptor>, ManifestError> {
    #[derive(Deserialize)]
    struct List {
        manifests: Option<Vec<Descriptor>>,
    }
    scan(raw)?;
    let list: List = serde_json::from_slice(raw)?;
    Ok(list.manifests.unwrap_or_default())
}

/// Scans `raw`. Refuses it if it exceeds a limit or is ambiguous.
fn scan(raw: &[u8]) -> Result<Scan, ManifestError> {
    let mut scan = Scan::of(raw)?;
    let descriptors = match scan.manifests {
        true => "manifests",
        false => "blobs",
    };
    let counts = [
        (descriptors, scan.descriptors, MAX_DESCRIPTORS),
        ("annotations and URLs", scan.entries, MAX_ENTRIES),
    ];
    if let Some((what, count, max)) = counts.into_iter().find(|(_, count, max)| count > max) {
        return Err(ManifestError::TooMany { what, count, max });
    }
    match scan.ambiguous.take() {
        Some(problem) => Err(ManifestError::Ambiguous(problem)),
        None => Ok(scan),
    }
}

/// Refuses a manifest whose own media type is of another kind than the header's. OCI and Docker types may differ.
fn check_types(own: Option<&MediaType>, header: Option<&MediaType>) -> Result<(), ManifestError> {
    let kind = |media_type: &MediaType| (media_type.is_index(), media_type.is_schema1());
    match (own, header) {
        (Some(own), Some(header)) if own.is_manifest() && kind(own) != kind(header) => {
            let problem = format!("it says it is {own} and was sent as {header}");
            Err(ManifestError::Ambiguous(problem))
        }
        _ => Ok(()),
    }
}

/// Refuses a manifest whose content is of another kind than `media_type`.
fn check_content(scan: &Scan, media_type: &MediaType) -> Result<(), ManifestError> {
    let image = [
        ("config", scan.config),
        ("layers", scan.layers),
        ("blobs", scan.blobs),
        ("fsLayers", scan.fs_layers),
    ];
    let of_image = image.iter().find(|(_, is_there)| *is_there);
    let problem = match of_image {
        Some((key, _)) if scan.manifests => format!("it has both `manifests` and `{key}`"),
        Some((key, _)) if media_type.is_index() => format!("it is {media_type} and has `{key}`"),
        None if scan.manifests && media_type.is_manifest() && !media_type.is_index() => {
            format!("it is {media_type} and has `manifests`")
        }
        Some(_) if scan.layers && scan.blobs => "it has both `layers` and `blobs`".into(),
        Some(_) if scan.fs_layers && (scan.config || scan.layers || scan.blobs) => {
            "it has `fsLayers` besides what took their place".into()
        }
        Some(_) | None => return Ok(()),
    };
    Err(ManifestError::Ambiguous(problem))
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
    /// Of the withdrawn OCI artifact manifest, which registries still have.
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
            Err(ManifestError::UnknownType)
        ));
    }
    #[track_caller]
    fn ambiguous(raw: &str, content_type: Option<&str>) -> String {
        match Manifest::parse(raw.to_owned().into(), content_type) {
            Err(ManifestError::Ambiguous(problem)) => problem,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_image_and_an_index_at_once_is_refused() {
        let both = json!({"schemaVersion": 2, "manifests": [], "layers": [],
                          "config": descriptor(MediaType::OCI_CONFIG)});
        for content_type in [
            None,
            Some(MediaType::OCI_INDEX),
            Some(MediaType::OCI_MANIFEST),
        ] {
            let problem = ambiguous(&both.to_string(), content_type);
            assert_eq!(problem, "it has both `manifests` and `config`");
        }
        let artifact = json!({"mediaType": MediaType::OCI_ARTIFACT, "layers": [], "blobs": []});
        let problem = ambiguous(&artifact.to_string(), None);
        assert_eq!(problem, "it has both `layers` and `blobs`");
    }

    #[test]
    fn content_of_another_kind_than_its_type_is_refused() {
        let image = json!({"schemaVersion": 2, "config": descriptor(MediaType::OCI_CONFIG),
                           "layers": [descriptor(MediaType::OCI_LAYER_GZIP)]});
        let index = json!({"schemaVersion": 2, "manifests": [descriptor(MediaType::OCI_MANIFEST)]});
        for (content, sent) in [
            (&image, MediaType::OCI_INDEX),
            (&image, MediaType::DOCKER_LIST),
            (&index, MediaType::OCI_MANIFEST),
            (&index, MediaType::DOCKER_MANIFEST),
        ] {
            ambiguous(&content.to_string(), Some(sent));
            let mut named = content.clone();
            named["mediaType"] = json!(sent);
            ambiguous(&named.to_string(), None);
        }
        let mut named = image.clone();
        named["mediaType"] = json!(MediaType::OCI_MANIFEST);
        ambiguous(&named.to_string(), Some(MediaType::OCI_INDEX));
        assert!(parse(&named, Some(MediaType::DOCKER_MANIFEST)).is_ok());
    }

    #[test]
    fn keys_that_readers_take_for_each_other_are_refused() {
        let digest = Digest::of(b"");
        let layer = |keys: &str| {
            format!(
                r#"{{"schemaVersion":2,"layers":[{{"mediaType":"a","digest":"{digest}","size":1{keys}}}]}}"#
            )
        };
        for keys in [
            r#","Digest":"x""#,
            r#","size":2"#,
            r#","\u0053ize":2"#,
            ",\"\u{17f}ize\":2",
            r#","MediaType":"b""#,
            r#","platform":{"os":"linux","OS":"windows"}"#,
        ] {
            ambiguous(&layer(keys), Some(MediaType::OCI_MANIFEST));
        }
        for raw in [
            r#"{"schemaVersion":2,"layers":[],"Layers":[]}"#,
            r#"{"schemaVersion":2,"LAYERS":[]}"#,
            r#"{"schemaVersion":2,"layers":[],"layers":[]}"#,
            r#"{"schemaVersion":2,"layers":[],"MediaType":"x"}"#,
            r#"{"schemaVersion":2,"layers":[],"subject":{},"SUBJECT":{}}"#,
        ] {
            ambiguous(raw, Some(MediaType::OCI_MANIFEST));
        }
    }

    #[test]
    fn keys_nobody_acts_on_may_be_anything() {
        let config = descriptor(MediaType::OCI_CONFIG).to_string();
        let raw = format!(
            r#"{{"schemaVersion":2,"x":1,"X":{{"layers":1,"Layers":2}},"config":{config},
                "manifests":null,"annotations":{{"a":"1","A":"2","digest":"3","Digest":"4"}}}}"#
        );
        Manifest::parse(raw.into(), Some(MediaType::OCI_MANIFEST)).unwrap();
    }

    #[test]
    fn more_descriptors_than_any_image_has_are_counted_and_not_parsed() {
        let layer = descriptor("l").to_string();
        let manifest = |count: usize| {
            let layers = vec![layer.as_str(); count].join(",");
            let raw = format!(r#"{{"schemaVersion":2,"layers":[{layers}]}}"#);
            Manifest::parse(raw.into(), Some(MediaType::OCI_MANIFEST))
        };
        assert_eq!(manifest(MAX_DESCRIPTORS).unwrap().blobs().count(), 10_000);
        assert_eq!(
            manifest(55_000).unwrap_err().to_string(),
            "one manifest holds 55000 blobs, more than the 10000 that one manifest may have"
        );
        let urls = vec!["\"\""; MAX_ENTRIES + 1].join(",");
        let layer = format!(r#"{},"urls":[{urls}]}}"#, layer.trim_end_matches('}'));
        let raw = format!(r#"{{"schemaVersion":2,"layers":[{layer}]}}"#);
        let error = Manifest::parse(raw.into(), Some(MediaType::OCI_MANIFEST)).unwrap_err();
        assert!(matches!(error, ManifestError::TooMany { .. }), "{error}");
    }
}

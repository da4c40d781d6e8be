//! Converts manifests between the media types of OCI and Docker's (image-spec media-types.md, "Compatibility Matrix").
//!
//! Decides what has an equivalent. Configs and layers keep their bytes; only types change, and in an index the
//! descriptors of converted children. Invariant: a manifest that has the format already keeps its bytes.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{Digest, Manifest, ManifestContent, ManifestError, ManifestFormat, MediaType};

/// The annotation of an attestation in an index: the manifest that it is about.
const ATTESTED_DIGEST: &str = "vnd.docker.reference.digest";

/// Pairs of types with the same content: OCI's, and Docker's.
const EQUIVALENTS: [(&str, &str); 6] = [
    (MediaType::OCI_INDEX, MediaType::DOCKER_LIST),
    (MediaType::OCI_MANIFEST, MediaType::DOCKER_MANIFEST),
    (MediaType::OCI_CONFIG, MediaType::DOCKER_CONFIG),
    (MediaType::OCI_LAYER_GZIP, MediaType::DOCKER_LAYER),
    (MediaType::OCI_LAYER, MediaType::DOCKER_LAYER_PLAIN),
    (
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ),
];

#[derive(Clone, Debug, thiserror::Error)]
pub enum ConversionError {
    #[error("{0} has no equivalent among Docker's media types")]
    NoEquivalent(MediaType),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl Manifest {
    /// This manifest in another format; `None` if it has that format. `children` are the converted children of an index,
    /// by their digests before; `None` is a child without an equivalent, which is left out.
    ///
    /// # Errors
    /// If it holds something that has no equivalent in the format.
    pub fn convert(
        &self,
        format: ManifestFormat,
        children: &HashMap<Digest, Option<Manifest>>,
    ) -> Result<Option<Self>, ConversionError> {
        let mut fields: Map<String, Value> =
            serde_json::from_slice(&self.raw).map_err(ManifestError::from)?;
        let mut has_changed = false;
        let mut convert_type = |holder: &mut Map<String, Value>| {
            let Some(Value::String(own)) = holder.get("mediaType") else {
                return Ok(());
            };
            let converted = equivalent(own, format)?;
            has_changed |= converted != own;
            let converted = converted.to_owned();
            holder.insert("mediaType".into(), Value::String(converted));
            Ok::<_, ConversionError>(())
        };
        fields.insert("mediaType".into(), self.media_type.as_str().into());
        convert_type(&mut fields)?;
        if let ManifestContent::Image { .. } = &self.content {
            for key in ["config", "layers", "blobs"] {
                for descriptor in descriptors(&mut fields, key) {
                    convert_type(descriptor)?;
                }
            }
        }
        if let Some(Value::Array(entries)) = fields.get_mut("manifests") {
            let before = entries.len();
            entries.retain(|entry| !matches!(find(entry.get("digest"), children), Some(None)));
            has_changed |= entries.len() != before;
        }
        for descriptor in descriptors(&mut fields, "manifests") {
            has_changed |= replace_child(descriptor, children);
        }
        if !has_changed {
            return Ok(None);
        }
        if format == ManifestFormat::Docker {
            for key in ["annotations", "subject", "artifactType"] {
                fields.remove(key);
            }
        }
        let raw = Bytes::from(Value::Object(fields).to_string());
        Ok(Some(Self::parse(raw, None)?))
    }

    /// Whether it can be converted at all: attestations and other artifacts exist only as OCI.
    #[must_use]
    pub fn has_equivalent(&self, format: ManifestFormat) -> bool {
        let types = std::iter::once(&self.media_type);
        let mut types = types.chain(self.blobs().map(|blob| &blob.media_type));
        types.all(|media_type| equivalent(media_type.as_str(), format).is_ok())
    }
}

/// The type with the same content in a format. Types that OCI does not know are kept: OCI allows every type.
fn equivalent(media_type: &str, format: ManifestFormat) -> Result<&str, ConversionError> {
    let pair =
        (EQUIVALENTS.iter()).find(|(oci, docker)| media_type == *oci || media_type == *docker);
    match (format, pair) {
        (ManifestFormat::Oci, Some((oci, _))) => Ok(oci),
        (ManifestFormat::Oci, None) => Ok(media_type),
        (ManifestFormat::Docker, Some((_, docker))) => Ok(docker),
        (ManifestFormat::Docker, None) => {
            Err(ConversionError::NoEquivalent(MediaType::new(media_type)))
        }
    }
}

/// The descriptor or descriptors under `key`.
fn descriptors<'a>(
    fields: &'a mut Map<String, Value>,
    key: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let values = match fields.get_mut(key) {
        Some(Value::Array(values)) => values.as_mut_slice(),
        Some(value) => std::slice::from_mut(value),
        None => &mut [],
    };
    values.iter_mut().filter_map(Value::as_object_mut)
}

/// Describes the converted child instead of the one that `descriptor` names. Whether that changed anything.
fn replace_child(
    descriptor: &mut Map<String, Value>,
    children: &HashMap<Digest, Option<Manifest>>,
) -> bool {
    let mut has_changed = false;
    if let Some(Some(child)) = find(descriptor.get("digest"), children) {
        descriptor.insert("mediaType".into(), child.media_type.as_str().into());
        descriptor.insert("digest".into(), child.digest.to_string().into());
        descriptor.insert("size".into(), child.raw.len().into());
        has_changed = true;
    }
    if let Some(Value::Object(annotations)) = descriptor.get_mut("annotations")
        && let Some(Some(attested)) = find(annotations.get(ATTESTED_DIGEST), children)
    {
        let attested = attested.digest.to_string();
        annotations.insert(ATTESTED_DIGEST.into(), attested.into());
        has_changed = true;
    }
    has_changed
}

fn find<'a>(
    digest: Option<&Value>,
    children: &'a HashMap<Digest, Option<Manifest>>,
) -> Option<&'a Option<Manifest>> {
    let digest: Digest = digest?.as_str()?.parse().ok()?;
    children.get(&digest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image(media_type: &str, config: &str, layer: &str) -> Manifest {
        let descriptor = |media_type: &str, content: &[u8]| json!({"mediaType": media_type, "digest": Digest::of(content), "size": content.len()});
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": descriptor(config, b"{}"),
            "layers": [descriptor(layer, b"layer")],
        });
        Manifest::parse(manifest.to_string().into(), None).unwrap()
    }

    fn docker() -> Manifest {
        image(
            MediaType::DOCKER_MANIFEST,
            MediaType::DOCKER_CONFIG,
            MediaType::DOCKER_LAYER,
        )
    }

    fn index(media_type: &str, child: &Manifest) -> Manifest {
        let index = json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "manifests": [{
                "mediaType": child.media_type,
                "digest": child.digest,
                "size": child.raw.len(),
                "platform": {"os": "linux", "architecture": "amd64"},
            }],
        });
        Manifest::parse(index.to_string().into(), None).unwrap()
    }

    #[test]
    fn only_the_types_change_and_the_way_back_gives_the_same_image() {
        let there = docker()
            .convert(ManifestFormat::Oci, &HashMap::new())
            .unwrap()
            .unwrap();
        assert_eq!(there.media_type.as_str(), MediaType::OCI_MANIFEST);
        let types: Vec<_> = there.blobs().map(|blob| blob.media_type.as_str()).collect();
        assert_eq!(types, [MediaType::OCI_CONFIG, MediaType::OCI_LAYER_GZIP]);
        let digests = |manifest: &Manifest| {
            manifest
                .blobs()
                .map(|blob| blob.digest.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(digests(&there), digests(&docker()));
        let back = there
            .convert(ManifestFormat::Docker, &HashMap::new())
            .unwrap()
            .unwrap();
        assert_eq!(back.digest, docker().digest);
    }

    #[test]
    fn a_manifest_of_the_format_keeps_its_bytes() {
        let same = docker().convert(ManifestFormat::Docker, &HashMap::new());
        assert!(same.unwrap().is_none());
    }

    #[test]
    fn an_index_names_its_converted_children() {
        let child = docker();
        let converted = child
            .convert(ManifestFormat::Oci, &HashMap::new())
            .unwrap()
            .unwrap();
        let index = index(MediaType::DOCKER_LIST, &child);
        let children = [(child.digest, Some(converted.clone()))].into();
        let index = index
            .convert(ManifestFormat::Oci, &children)
            .unwrap()
            .unwrap();
        assert_eq!(index.media_type.as_str(), MediaType::OCI_INDEX);
        let [entry] = index.children() else {
            panic!("one child")
        };
        assert_eq!(entry.digest, converted.digest);
        assert_eq!(entry.size, converted.raw.len() as u64);
        assert_eq!(entry.platform.as_ref().unwrap().to_string(), "linux/amd64");
    }

    #[test]
    fn a_child_without_an_equivalent_is_left_out() {
        let index = index(MediaType::DOCKER_LIST, &docker());
        let children = [(docker().digest, None)].into();
        let index = index
            .convert(ManifestFormat::Docker, &children)
            .unwrap()
            .unwrap();
        assert!(index.children().is_empty());
    }

    #[test]
    fn what_docker_does_not_know_is_an_error_that_names_it() {
        let zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
        let image = image(MediaType::OCI_MANIFEST, MediaType::OCI_CONFIG, zstd);
        assert!(!image.has_equivalent(ManifestFormat::Docker));
        let error = image
            .convert(ManifestFormat::Docker, &HashMap::new())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{zstd} has no equivalent among Docker's media types")
        );
    }
}

//! The manifest of an image from a Docker archive, which has none.
//!
//! Decides media types: a Docker manifest (schema 2) as skopeo makes it, or an OCI manifest if layers are compressed as
//! zstd, which Docker's types do not know. Invariant: the same config and layers give the same bytes.

use bytes::Bytes;
use serde::Serialize;

use crate::{
    oci::{Digest, Manifest, ManifestError, MediaType},
    transport::{Codec, LayerFormat},
};

const DOCKER_PLAIN_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
const OCI_ZSTD_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

/// A blob of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blob {
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    schema_version: u32,
    media_type: &'static str,
    config: Entry<'a>,
    layers: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    media_type: &'static str,
    size: u64,
    digest: &'a Digest,
}

struct Types {
    manifest: &'static str,
    config: &'static str,
    layer: &'static str,
}

impl<'a> Entry<'a> {
    fn new(media_type: &'static str, blob: &'a Blob) -> Self {
        Self {
            media_type,
            size: blob.size,
            digest: &blob.digest,
        }
    }
}

pub(super) fn make(
    config: &Blob,
    layers: &[Blob],
    format: LayerFormat,
) -> Result<Manifest, ManifestError> {
    let types = types(format);
    let fields = Fields {
        schema_version: 2,
        media_type: types.manifest,
        config: Entry::new(types.config, config),
        layers: (layers.iter())
            .map(|layer| Entry::new(types.layer, layer))
            .collect(),
    };
    Manifest::parse(Bytes::from(serde_json::to_vec(&fields)?), None)
}

fn types(format: LayerFormat) -> Types {
    let docker = |layer| Types {
        manifest: MediaType::DOCKER_MANIFEST,
        config: MediaType::DOCKER_CONFIG,
        layer,
    };
    match format {
        LayerFormat::AsStored => docker(DOCKER_PLAIN_LAYER),
        LayerFormat::Compressed(Codec::Gzip) => docker(MediaType::DOCKER_LAYER),
        LayerFormat::Compressed(Codec::Zstd) => Types {
            manifest: MediaType::OCI_MANIFEST,
            config: MediaType::OCI_CONFIG,
            layer: OCI_ZSTD_LAYER,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zstd_layers_make_an_oci_manifest_and_all_others_a_docker_manifest() {
        let blob = |text: &str| Blob {
            digest: Digest::of(text.as_bytes()),
            size: text.len() as u64,
        };
        let made = |format| {
            let made = make(&blob("config"), &[blob("layer")], format).unwrap();
            let types: Vec<String> = (made.blobs())
                .map(|blob| blob.media_type.to_string())
                .collect();
            (made.media_type.to_string(), types)
        };
        let docker = "application/vnd.docker.distribution.manifest.v2+json";
        let config = "application/vnd.docker.container.image.v1+json";
        let layer = "application/vnd.docker.image.rootfs.diff.tar";
        assert_eq!(
            made(LayerFormat::AsStored),
            (docker.into(), vec![config.into(), layer.into()])
        );
        assert_eq!(
            made(LayerFormat::Compressed(Codec::Gzip)),
            (docker.into(), vec![config.into(), format!("{layer}.gzip")])
        );
        assert_eq!(
            made(LayerFormat::Compressed(Codec::Zstd)).0,
            "application/vnd.oci.image.manifest.v1+json"
        );
    }
}

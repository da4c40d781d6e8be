//! Images of every kind in an embedded registry. Their layers are real tars, which Docker's stores need.

use std::{io::Write as _, num::Wrapping};

use serde_json::{Value, json};
use transship::{
    oci::{Digest, MediaType},
    serve::Store,
};

use crate::sample_images::repository;

/// Where the images are; each kind is a tag.
pub const REPOSITORY: &str = "team/app";
const ZSTD_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const LAYER_BYTES: usize = 60_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Single,
    /// Of two platforms, one of which is this machine's.
    Index,
    /// Docker's media types, schema 2.
    Docker,
    /// An image that an artifact refers to.
    Referred,
    Zstd,
}

/// An image that was put into a registry.
pub struct Sample {
    pub kind: Kind,
    /// Of the whole image.
    pub digest: Digest,
    /// Of the image of this machine's platform.
    pub config: Digest,
}

/// The media types of an image.
struct Format {
    manifest: &'static str,
    config: &'static str,
    layer: &'static str,
}

const OCI: Format = Format {
    manifest: MediaType::OCI_MANIFEST,
    config: MediaType::OCI_CONFIG,
    layer: MediaType::OCI_LAYER_GZIP,
};
const OCI_ZSTD: Format = Format {
    layer: ZSTD_LAYER,
    ..OCI
};
const DOCKER: Format = Format {
    manifest: MediaType::DOCKER_MANIFEST,
    config: MediaType::DOCKER_CONFIG,
    layer: MediaType::DOCKER_LAYER,
};

impl Kind {
    pub fn tag(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Index => "index",
            Self::Docker => "docker",
            Self::Referred => "referred",
            Self::Zstd => "zstd",
        }
    }

    /// Puts an image of this kind.
    pub fn put(self, store: &Store) -> Sample {
        let images = Images(store);
        let own = architecture();
        let (digest, config) = match self {
            Self::Single => tagged(images.image(self.tag(), own, &OCI, Some(self.tag()))),
            Self::Docker => tagged(images.image(self.tag(), own, &DOCKER, Some(self.tag()))),
            Self::Zstd => tagged(images.image(self.tag(), own, &OCI_ZSTD, Some(self.tag()))),
            Self::Index => images.index(own),
            Self::Referred => {
                let (image, config) = images.image("referred", own, &OCI, Some(self.tag()));
                images.referrer(&image);
                tagged((image, config))
            }
        };
        Sample {
            kind: self,
            digest,
            config,
        }
    }
}

/// Of this machine, as Docker spells it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    }
}

fn tagged((manifest, config): (Value, Digest)) -> (Digest, Digest) {
    (
        manifest["digest"].as_str().unwrap().parse().unwrap(),
        config,
    )
}

struct Images<'a>(&'a Store);

impl Images<'_> {
    /// An image of two layers: the descriptor of its manifest, and the digest of its config.
    fn image(
        &self,
        text: &str,
        architecture: &str,
        format: &Format,
        tag: Option<&str>,
    ) -> (Value, Digest) {
        // The first layer is that of all images.
        let tars = [layer("base"), layer(text)];
        let diff_ids = tars.each_ref().map(|tar| Digest::of(tar));
        let layers = tars.map(|tar| match format.layer {
            ZSTD_LAYER => self.blob(ZSTD_LAYER, &zstd::encode_all(&*tar, 1).unwrap()),
            gzip => self.blob(gzip, &compress(&tar)),
        });
        let config = json!({"architecture": architecture, "os": "linux",
            "created": "2026-01-01T00:00:00Z", "config": {"Cmd": [format!("/{text}")]},
            "history": [{"created_by": "base"}, {"created_by": text}],
            "rootfs": {"type": "layers", "diff_ids": diff_ids}})
        .to_string();
        let described = self.blob(format.config, config.as_bytes());
        let manifest = json!({"schemaVersion": 2, "mediaType": format.manifest,
            "config": described, "layers": layers});
        let mut image = self.manifest(&manifest, tag);
        image["platform"] = json!({"os": "linux", "architecture": architecture});
        (image, Digest::of(config.as_bytes()))
    }

    fn index(&self, own: &str) -> (Digest, Digest) {
        let other = match own {
            "arm64" => "amd64",
            _ => "arm64",
        };
        let (own, config) = self.image("own", own, &OCI, None);
        let (other, _) = self.image("other", other, &OCI, None);
        let index = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX,
            "manifests": [own, other]});
        tagged((self.manifest(&index, Some(Kind::Index.tag())), config))
    }

    fn referrer(&self, subject: &Value) {
        let empty = self.blob(MediaType::OCI_EMPTY, b"{}");
        let mut subject = subject.clone();
        subject.as_object_mut().unwrap().remove("platform");
        let content = self.blob("application/json", br#"{"packages": []}"#);
        let artifact = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
            "artifactType": "application/vnd.example.sbom", "config": empty,
            "layers": [content], "subject": subject});
        self.manifest(&artifact, None);
    }

    fn blob(&self, media_type: &str, content: &[u8]) -> Value {
        let put = self
            .0
            .put_blob(&repository(REPOSITORY), media_type, content);
        serde_json::to_value(put.unwrap()).unwrap()
    }

    fn manifest(&self, manifest: &Value, tag: Option<&str>) -> Value {
        let tag = tag.map(|tag| tag.parse().unwrap());
        let media_type = manifest["mediaType"].as_str().unwrap();
        let bytes = manifest.to_string();
        let (repository, bytes) = (repository(REPOSITORY), bytes.as_bytes());
        let put = self
            .0
            .put_manifest(&repository, tag.as_ref(), media_type, bytes);
        serde_json::to_value(put.unwrap()).unwrap()
    }
}

/// A tar with one file, of bytes that depend on `name` and hardly compress.
pub fn layer(name: &str) -> Vec<u8> {
    let seed = name.bytes().fold(Wrapping(5381_u32), |seed, byte| {
        seed * Wrapping(33) + Wrapping(u32::from(byte))
    });
    let mut state = seed;
    let content: Vec<u8> = std::iter::repeat_with(|| {
        state = state * Wrapping(1_664_525) + Wrapping(1_013_904_223);
        state.0.to_be_bytes()[0]
    })
    .take(LAYER_BYTES)
    .collect();
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, &*content).unwrap();
    tar.into_inner().unwrap()
}

fn compress(tar: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(tar).unwrap();
    gzip.finish().unwrap()
}

//! An OCI layout with one image of each kind, written by hand as the specification says.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use transship::{
    oci::{Digest, LocalStore, MediaType, StoredName, Transport},
    registry::Limits,
    transport::{LayerFormat, LayoutStore, OpenStore, Source},
};

/// The names of the images.
pub const IMAGES: [&str; 5] = ["single", "zstd", "index", "nested", "signed"];
const ZSTD_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

pub struct SampleLayout(TempDir);

impl SampleLayout {
    pub fn new() -> Self {
        let layout = Self(tempfile::tempdir().unwrap());
        let single = layout.image("single", MediaType::OCI_LAYER_GZIP);
        let zstd = layout.image("zstd", ZSTD_LAYER);
        let children: Vec<_> = ["amd64", "arm64"]
            .map(|architecture| {
                let mut child = layout.image(architecture, MediaType::OCI_LAYER_GZIP);
                child["platform"] = json!({"os": "linux", "architecture": architecture});
                child
            })
            .into();
        let index = layout.index(&children);
        let nested = layout.index(std::slice::from_ref(&index));
        let signed = layout.image("signed", MediaType::OCI_LAYER_GZIP);
        let signature = layout.artifact(&signed);
        let mut entries = vec![signature];
        for (name, entry) in IMAGES
            .into_iter()
            .zip([single, zstd, index, nested, signed])
        {
            entries.push(named(&entry, name));
        }
        layout.list(&entries);
        fs::write(
            layout.path().join("oci-layout"),
            r#"{"imageLayoutVersion": "1.0.0"}"#,
        )
        .unwrap();
        layout
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn blob(&self, digest: &Digest) -> PathBuf {
        self.path().join("blobs").join("sha256").join(digest.hex())
    }

    pub async fn source(&self, name: &str) -> Arc<dyn Source> {
        let store = LocalStore::new(Transport::Oci, self.path().to_str().unwrap());
        source(
            &(Arc::new(LayoutStore::new(store, Limits::default())) as _),
            name,
        )
        .await
    }

    /// Replaces the list of images.
    pub fn list(&self, entries: &[Value]) {
        let index = json!({"schemaVersion": 2, "manifests": entries});
        fs::write(self.path().join("index.json"), index.to_string()).unwrap();
    }

    /// An image with one layer that depends on `text`.
    pub fn image(&self, text: &str, layer_type: &str) -> Value {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, "text", text.as_bytes())
            .unwrap();
        let tar = tar.into_inner().unwrap();
        let compressed = match layer_type {
            ZSTD_LAYER => zstd::encode_all(&*tar, 1).unwrap(),
            _ => {
                let level = flate2::Compression::default();
                let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
                gzip.write_all(&tar).unwrap();
                gzip.finish().unwrap()
            }
        };
        let layer = self.put(layer_type, &compressed);
        let config = json!({"architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(&tar)]}});
        let config = self.put(MediaType::OCI_CONFIG, config.to_string().as_bytes());
        self.manifest(
            &json!({"schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
            "config": config, "layers": [layer]}),
        )
    }

    fn index(&self, children: &[Value]) -> Value {
        let index =
            json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": children});
        self.manifest(&index)
    }

    fn artifact(&self, subject: &Value) -> Value {
        let empty = self.put(MediaType::OCI_EMPTY, b"{}");
        self.manifest(
            &json!({"schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
            "artifactType": "application/vnd.example.signature", "config": empty, "layers": [empty],
            "subject": subject}),
        )
    }

    pub fn manifest(&self, manifest: &Value) -> Value {
        let media_type = manifest["mediaType"].as_str().unwrap();
        self.put(media_type, manifest.to_string().as_bytes())
    }

    /// Writes a blob; its descriptor.
    fn put(&self, media_type: &str, content: &[u8]) -> Value {
        let digest = Digest::of(content);
        let path = self.blob(&digest);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        json!({"mediaType": media_type, "digest": digest, "size": content.len()})
    }
}

pub fn named(entry: &Value, name: &str) -> Value {
    let mut entry = entry.clone();
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": name});
    entry
}

pub fn name(name: &str) -> StoredName {
    StoredName::Name(name.into())
}

/// The image `image` of a store; the only one if it is empty.
pub async fn source(store: &Arc<dyn OpenStore>, image: &str) -> Arc<dyn Source> {
    let image = (!image.is_empty()).then(|| name(image));
    let source = Arc::clone(store).source(image.as_ref(), LayerFormat::AsStored);
    source.await.unwrap()
}

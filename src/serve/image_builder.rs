//! Builds images for the demo, the tests and the benchmarks.
//!
//! Decides nothing about sizes and sharing; the callers do. Invariant: equal seeds give equal bytes, and layers do not
//! compress.

use std::io::{self, Read};

use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus};
use serde_json::json;

use super::Store;
use crate::oci::{Descriptor, MediaType, Platform, Repository, Tag};

/// Builds images in a store.
pub struct ImageBuilder<'a> {
    store: &'a Store,
}

impl<'a> ImageBuilder<'a> {
    #[must_use]
    pub fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// A layer of `size` bytes that depend on `seed` alone.
    pub fn layer(&self, repository: &Repository, seed: u64, size: u64) -> io::Result<Descriptor> {
        self.store.put_blob(
            repository,
            MediaType::OCI_LAYER_GZIP,
            Bytes::new(seed).take(size),
        )
    }

    /// Puts a layer of `from` into `repository` too.
    pub fn share(
        &self,
        layer: &Descriptor,
        from: &Repository,
        repository: &Repository,
    ) -> io::Result<()> {
        self.store
            .mount_blob(from, repository, &layer.digest)
            .map(drop)
    }

    /// An image of `layers`, tagged if a tag is given.
    pub fn image(
        &self,
        repository: &Repository,
        tag: Option<&Tag>,
        platform: &Platform,
        layers: &[Descriptor],
    ) -> io::Result<Descriptor> {
        let diff_ids: Vec<_> = layers.iter().map(|layer| &layer.digest).collect();
        let history: Vec<_> = (1..=layers.len())
            .map(|step| json!({"created": "2026-01-01T00:00:00Z", "created_by": format!("RUN step {step}")}))
            .collect();
        let config = json!({
            "created": "2026-01-01T00:00:00Z",
            "author": "transship",
            "architecture": platform.architecture,
            "os": platform.os,
            "config": {
                "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"],
                "Entrypoint": [format!("/{}", repository.as_str().rsplit('/').next().unwrap_or("app"))],
                "Labels": {"org.opencontainers.image.title": repository},
                "ExposedPorts": {"8080/tcp": {}},
                "User": "1000"
            },
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": history
        });
        let config = config.to_string();
        let config = self
            .store
            .put_blob(repository, MediaType::OCI_CONFIG, config.as_bytes())?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST,
            "config": config,
            "layers": layers
        });
        let bytes = manifest.to_string();
        let written =
            self.store
                .put_manifest(repository, tag, MediaType::OCI_MANIFEST, bytes.as_bytes())?;
        Ok(Descriptor {
            platform: Some(platform.clone()),
            ..written
        })
    }

    /// An index of images built before.
    pub fn index(
        &self,
        repository: &Repository,
        tag: &Tag,
        images: &[Descriptor],
    ) -> io::Result<Descriptor> {
        let index = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_INDEX,
            "manifests": images
        });
        let bytes = index.to_string();
        self.store.put_manifest(
            repository,
            Some(tag),
            MediaType::OCI_INDEX,
            bytes.as_bytes(),
        )
    }

    /// An OCI artifact that is no image: one blob of any type.
    pub fn artifact(
        &self,
        repository: &Repository,
        tag: &Tag,
        artifact_type: &str,
        content: &[u8],
    ) -> io::Result<Descriptor> {
        let config = self
            .store
            .put_blob(repository, MediaType::OCI_EMPTY, b"{}".as_slice())?;
        let blob = self.store.put_blob(repository, artifact_type, content)?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST,
            "artifactType": artifact_type,
            "config": config,
            "layers": [blob]
        });
        let bytes = manifest.to_string();
        self.store.put_manifest(
            repository,
            Some(tag),
            MediaType::OCI_MANIFEST,
            bytes.as_bytes(),
        )
    }
}

/// An endless stream of bytes that do not compress. Not for secrets.
struct Bytes(Xoshiro256PlusPlus);

impl Bytes {
    fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }
}

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.fill(buffer);
        Ok(buffer.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Digest;

    #[test]
    fn equal_seeds_give_equal_layers() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let estate = ImageBuilder::new(&store);
        let repository = "team/app".parse().unwrap();
        let layer = |seed, size| estate.layer(&repository, seed, size).unwrap().digest;
        assert_eq!(layer(1, 100_000), layer(1, 100_000));
        assert_ne!(layer(1, 100_000), layer(2, 100_000));
        assert_ne!(layer(1, 100_000), Digest::of(b""));
    }
}

//! Archives and copies for tests.

use std::{
    collections::BTreeMap,
    io::{Seek as _, Write as _},
    path::Path,
    sync::Arc,
};

use serde_json::json;
use tar::{Builder, Header};

use super::super::tar_index::TarIndex;
use crate::{
    batch::{BlobKind, PlannedBlob},
    oci::{Digest, Manifest},
    registry::{ImageBudget, StreamQueue},
    transport::{Destination, Error, PutBlob, Selector, Source},
};

/// The bytes of a tar archive.
pub(super) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(super) fn tar_index(files: &[(&str, &[u8])]) -> TarIndex {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&tar(files)).unwrap();
    file.rewind().unwrap();
    TarIndex::read(file, Path::new("app.tar")).unwrap()
}

/// The config of an image with these layers.
pub(super) fn config(layers: &[&[u8]]) -> Vec<u8> {
    let diff_ids: Vec<Digest> = layers.iter().map(|layer| Digest::of(layer)).collect();
    let config = json!({"os": "linux", "architecture": "amd64", "config": {},
        "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    config.to_string().into_bytes()
}

/// An archive as `docker save` writes it: images by tag, each with its layers.
pub(super) fn docker_save(images: &[(&str, &[&[u8]])]) -> Vec<u8> {
    let mut files = BTreeMap::new();
    let mut list = Vec::new();
    for (tag, layers) in images {
        let content = config(layers);
        let name = format!("{}.json", Digest::of(&content).hex());
        let layer_files: Vec<String> = (layers.iter())
            .map(|layer| format!("{}/layer.tar", Digest::of(layer).hex()))
            .collect();
        list.push(json!({"Config": name, "RepoTags": [tag], "Layers": layer_files}));
        files.insert(name, content);
        for (file, layer) in layer_files.into_iter().zip(*layers) {
            files.insert(file, layer.to_vec());
        }
    }
    files.insert("manifest.json".into(), json!(list).to_string().into_bytes());
    let files: Vec<(&str, &[u8])> = (files.iter())
        .map(|(name, content)| (name.as_str(), content.as_slice()))
        .collect();
    tar(&files)
}

pub(super) async fn manifest(source: &dyn Source) -> Result<Manifest, Error> {
    let budget = ImageBudget::new(|| ());
    source.manifest(Selector::Image, &budget).await
}

/// All of a blob, in the chunks of the source.
pub(super) async fn blob(
    source: &dyn Source,
    digest: &Digest,
    offset: u64,
) -> Result<Vec<u8>, Error> {
    let mut stream = source.read_blob(digest, offset).await?;
    let mut content = Vec::new();
    while let Some(chunk) = stream.next().await? {
        content.extend_from_slice(&chunk);
    }
    Ok(content)
}

/// Copies the blobs of an image.
pub(super) async fn put_blobs(
    source: &Arc<dyn Source>,
    destination: &dyn Destination,
    manifest: &Manifest,
) -> Result<(), Error> {
    for (position, blob) in manifest.blobs().enumerate() {
        let blob = PlannedBlob {
            digest: blob.digest.clone(),
            size: blob.size,
            kind: match position {
                0 => BlobKind::Config,
                _ => BlobKind::Layer,
            },
            media_type: Some(blob.media_type.clone()),
        };
        let put = PutBlob {
            blob: &blob,
            source,
            mount_from: None,
            is_absent: false,
            streams: &StreamQueue::default(),
            report: &|_| (),
        };
        let settled = destination.put_blob(put).await;
        settled.map_err(|failed| failed.error)?;
    }
    Ok(())
}

/// Copies an image under the name of the destination.
pub(super) async fn copy(
    source: &Arc<dyn Source>,
    destination: &dyn Destination,
) -> Result<Manifest, Error> {
    let manifest = manifest(&**source).await?;
    put_blobs(source, destination, &manifest).await?;
    destination.put_manifest(Selector::Image, &manifest).await?;
    Ok(manifest)
}

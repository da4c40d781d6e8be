//! An image as `docker save` writes it, and copies of it.

use std::{fs, path::Path, sync::Arc};

use serde_json::json;
use transship::{
    batch::{BlobKind, PlannedBlob},
    oci::{Digest, LocalStore, Manifest, StoredName, Transport},
    registry::{ImageBudget, Limits, StreamQueue},
    transport::{
        Codec, Destination, DockerArchiveStore, Error, LayerFormat, LayerSpool, OpenStore, PutBlob,
        Selector, Source,
    },
};

pub const GZIP: LayerFormat = LayerFormat::Compressed(Codec::Gzip);
pub const ZSTD: LayerFormat = LayerFormat::Compressed(Codec::Zstd);

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Writes an archive with one image of two layers, and returns the digest of its config.
pub fn docker_save(path: &Path, tag: &str) -> Digest {
    let text = b"some text that compresses well\n".repeat(100_000);
    let layers = [
        tar(&[("etc/motd", &text)]),
        tar(&[("app", b"the program"), ("app.conf", b"x = 1")]),
    ];
    let diff_ids: Vec<Digest> = layers.iter().map(|layer| Digest::of(layer)).collect();
    let history = json!([{"created_by": "one"}, {"created_by": "two"}]);
    let config = json!({"os": "linux", "architecture": "amd64", "config": {"Cmd": ["/app"]},
        "created": "2024-01-01T00:00:00Z", "history": history,
        "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    let config = config.to_string().into_bytes();
    let id = Digest::of(&config);
    let name = format!("{}.json", id.hex());
    let list =
        json!([{"Config": name, "RepoTags": [tag], "Layers": ["1/layer.tar", "2/layer.tar"]}]);
    let archive = tar(&[
        (&name, &config),
        ("1/layer.tar", &layers[0]),
        ("2/layer.tar", &layers[1]),
        ("manifest.json", list.to_string().as_bytes()),
    ]);
    fs::write(path, archive).unwrap();
    id
}

/// The archive in the file `path`; its spool is in the same directory.
pub fn archive(path: &Path) -> Arc<dyn OpenStore> {
    let store = LocalStore::new(Transport::DockerArchive, path.to_str().unwrap());
    let spool = Arc::new(LayerSpool::new(path.with_file_name("spool")));
    Arc::new(DockerArchiveStore::new(store, Limits::default(), spool))
}

pub fn name(text: &str) -> StoredName {
    StoredName::Name(text.into())
}

pub async fn manifest(source: &dyn Source) -> Result<Manifest, Error> {
    let budget = ImageBudget::new(|| ());
    source.manifest(Selector::Image, &budget).await
}

/// Copies the image `from` of one store to `to` in another one. Returns the digest of its config.
pub async fn copy(
    source: &Arc<dyn OpenStore>,
    from: Option<&str>,
    format: LayerFormat,
    destination: &Arc<dyn OpenStore>,
    to: &str,
) -> Result<Digest, Error> {
    let source = Arc::clone(source);
    let source = source.source(from.map(name).as_ref(), format).await?;
    let destination = Arc::clone(destination).destination(Some(&name(to))).await?;
    let manifest = manifest(&*source).await?;
    put_blobs(&source, &*destination, &manifest).await?;
    destination.put_manifest(Selector::Image, &manifest).await?;
    Ok(manifest.blobs().next().unwrap().digest.clone())
}

async fn put_blobs(
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

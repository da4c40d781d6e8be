//! Archives read and written as a batch does it.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    super::layers::LayerSpool,
    DockerArchiveStore,
    fixtures::{blob, config, copy, docker_save, manifest, put_blobs, tar},
};
use crate::{
    batch::FailureClass,
    oci::{Digest, LocalStore, Manifest, StoredName, Transport},
    registry::Limits,
    transport::{Codec, Error, LayerFormat, OpenStore, Selector, Source, Uncompressed},
};

const GZIP: LayerFormat = LayerFormat::Compressed(Codec::Gzip);
const ZSTD: LayerFormat = LayerFormat::Compressed(Codec::Zstd);
const BASE: &[u8] = b"the base layer";
const TOP: &[u8] = b"the top layer";

struct Room(TempDir);

impl Room {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn spool(&self) -> Arc<LayerSpool> {
        Arc::new(LayerSpool::new(self.path("spool")))
    }

    fn open(&self, name: &str) -> Arc<DockerArchiveStore> {
        {
            let path = self.path(name);
            let store = LocalStore::new(Transport::DockerArchive, path.to_str().unwrap());
            let opened = DockerArchiveStore::new(store, Limits::default(), self.spool());
            Arc::new(opened)
        }
    }

    fn write(&self, name: &str, content: &[u8]) -> Arc<DockerArchiveStore> {
        fs::write(self.path(name), content).unwrap();
        self.open(name)
    }

    /// The names in the directory, without the spool.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "spool")
            .collect();
        names.sort();
        names
    }
}

fn name(text: &str) -> StoredName {
    StoredName::Name(text.into())
}

async fn source(
    archive: &Arc<DockerArchiveStore>,
    text: &str,
    format: LayerFormat,
) -> Arc<dyn Source> {
    let source = Arc::clone(archive).source(Some(&name(text)), format).await;
    source.unwrap()
}

fn two_images() -> Vec<u8> {
    docker_save(&[("nginx:1", &[BASE, TOP]), ("team/web:2", &[BASE])])
}

#[tokio::test]
async fn layers_are_read_as_they_are_or_compressed() {
    let room = Room::new();
    let archive = room.write("a.tar", &two_images());
    for format in [LayerFormat::AsStored, GZIP, ZSTD] {
        let source = source(&archive, "docker.io/library/nginx:1", format).await;
        let manifest = manifest(&*source).await.unwrap();
        let resolved = source.resolve(Selector::Image).await.unwrap();
        assert_eq!(resolved.as_ref(), Some(&manifest.digest));
        let blobs: Vec<_> = manifest.blobs().collect();
        let stored = blob(&*source, &blobs[0].digest, 0).await.unwrap();
        assert_eq!(stored, config(&[BASE, TOP]));
        for (described, plain) in blobs[1..].iter().zip([BASE, TOP]) {
            let stored = blob(&*source, &described.digest, 0).await.unwrap();
            assert_eq!(Digest::of(&stored), described.digest);
            assert_eq!(stored.len() as u64, described.size);
            let rest = blob(&*source, &described.digest, 5).await.unwrap();
            assert_eq!(rest, stored[5..]);
            let read = match format {
                LayerFormat::AsStored => stored,
                LayerFormat::Compressed(Codec::Zstd) => zstd::decode_all(&*stored).unwrap(),
                LayerFormat::Compressed(Codec::Gzip) => {
                    let mut read = Vec::new();
                    let mut decoder = flate2::read::MultiGzDecoder::new(&*stored);
                    std::io::Read::read_to_end(&mut decoder, &mut read).unwrap();
                    read
                }
            };
            assert_eq!(read, plain);
        }
    }
}

#[tokio::test]
async fn layers_are_compressed_once_for_all_images_and_batches() {
    let room = Room::new();
    let length = |layers: &[&[u8]]| Uncompressed {
        layers: layers.len(),
        bytes: layers.iter().map(|layer| layer.len() as u64).sum(),
    };
    let archive = room.write("a.tar", &two_images());
    let both = source(&archive, "nginx:1", GZIP).await;
    let base = source(&archive, "team/web:2", GZIP).await;
    assert_eq!(both.uncompressed().await.unwrap(), length(&[BASE, TOP]));
    manifest(&*base).await.unwrap();
    assert_eq!(base.uncompressed().await.unwrap(), length(&[]));
    assert_eq!(both.uncompressed().await.unwrap(), length(&[TOP]));
    // A later batch has the same directory.
    let archive = room.open("a.tar");
    for (format, left) in [
        (GZIP, length(&[])),
        (ZSTD, length(&[BASE])),
        (LayerFormat::AsStored, length(&[])),
    ] {
        let base = source(&archive, "team/web:2", format).await;
        assert_eq!(base.uncompressed().await.unwrap(), left, "{format:?}");
    }
    let missing = source(&archive, "nothing:1", GZIP).await;
    assert_eq!(missing.uncompressed().await.unwrap(), length(&[]));
}

#[tokio::test]
async fn a_resume_reads_blobs_without_asking_for_the_manifest_first() {
    let room = Room::new();
    let archive = room.write("a.tar", &two_images());
    let first = source(&archive, "nginx:1", GZIP).await;
    let manifest = manifest(&*first).await.unwrap();
    let layer = manifest.blobs().nth(1).unwrap();
    let resumed = room.open("a.tar");
    let resumed = source(&resumed, "nginx:1", GZIP).await;
    let content = blob(&*resumed, &layer.digest, 0).await.unwrap();
    assert_eq!(Digest::of(&content), layer.digest);
    let again = resumed.resolve(Selector::Digest(&manifest.digest)).await;
    assert_eq!(again.unwrap(), Some(manifest.digest));
}

#[tokio::test]
async fn an_image_that_is_not_there_resolves_to_nothing() {
    let room = Room::new();
    let archive = room.write("a.tar", &two_images());
    let other = source(&archive, "nginx:2", GZIP).await;
    assert_eq!(other.resolve(Selector::Image).await.unwrap(), None);
    let error = manifest(&*other).await.unwrap_err();
    assert!(error.is_not_found());
    assert!(
        error.to_string().contains("it has nginx:1, team/web:2"),
        "{error}"
    );
    let unnamed = Arc::clone(&archive).source(None, GZIP).await.unwrap();
    let error = unnamed.resolve(Selector::Image).await.unwrap_err();
    assert!(
        error.to_string().contains("it has 2 images; name one"),
        "{error}"
    );
    let missing = room.open("none.tar").images().await.unwrap_err();
    assert_eq!(missing.class(), FailureClass::NotFound);
}

#[tokio::test]
async fn another_tag_of_the_same_repository_is_found() {
    let room = Room::new();
    let archive = docker_save(&[("app:1", &[BASE]), ("app:2", &[TOP]), ("other:3", &[TOP])]);
    let archive = room.write("a.tar", &archive);
    let one = source(&archive, "app:1", GZIP).await;
    let two = source(&archive, "app:2", GZIP).await;
    let tag = "2".parse().unwrap();
    let sibling = one.resolve(Selector::Tag(&tag)).await.unwrap();
    assert_eq!(sibling, two.resolve(Selector::Image).await.unwrap());
    let mut tags = Vec::new();
    let mut each = |tag: &str| {
        tags.push(tag.to_owned());
        true
    };
    one.for_each_tag(&mut each).await.unwrap();
    assert_eq!(tags, ["1", "2"]);
}

#[tokio::test]
async fn a_layer_that_is_not_its_diff_id_is_corrupt() {
    let room = Room::new();
    let config = config(&[BASE]);
    let list =
        json!([{"Config": "c.json", "RepoTags": ["app:1"], "Layers": ["l.tar"]}]).to_string();
    let files: [(&str, &[u8]); 3] = [
        ("c.json", &config),
        ("l.tar", TOP),
        ("manifest.json", list.as_bytes()),
    ];
    let archive = room.write("a.tar", &tar(&files));
    let image = source(&archive, "app:1", GZIP).await;
    let error = manifest(&*image).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Corrupt);
    // As it is, the digest is promised and the reader finds out.
    let image = source(&archive, "app:1", LayerFormat::AsStored).await;
    let written = room.open("b.tar").destination(Some(&name("app:1"))).await;
    let error = copy(&image, &*written.unwrap()).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Corrupt);
}

/// The archive with an OCI layout of the same image, as Docker 25 writes it.
fn docker_25(layer: &[u8], layer_type: &str, is_whole: bool) -> (Vec<u8>, Digest) {
    let config = config(&[BASE]);
    let blob = |content: &[u8]| format!("blobs/sha256/{}", Digest::of(content).hex());
    let described = |media_type: &str, content: &[u8]| json!({"mediaType": media_type, "digest": Digest::of(content), "size": content.len()});
    let manifest = json!({"schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": described("application/vnd.oci.image.config.v1+json", &config),
        "layers": [described(layer_type, layer)]});
    let manifest = manifest.to_string().into_bytes();
    let index = json!({"schemaVersion": 2,
        "manifests": [described("application/vnd.oci.image.manifest.v1+json", &manifest)]});
    let list = json!([{"Config": blob(&config), "RepoTags": ["app:1"], "Layers": [blob(BASE)]}]);
    let (config_name, manifest_name) = (blob(&config), blob(&manifest));
    let (plain_name, layer_name) = (blob(BASE), blob(layer));
    let (index, list) = (index.to_string(), list.to_string());
    let mut files: Vec<(&str, &[u8])> = vec![
        ("oci-layout", b"{\"imageLayoutVersion\": \"1.0.0\"}"),
        ("index.json", index.as_bytes()),
        ("manifest.json", list.as_bytes()),
        (&config_name, &config),
        (&manifest_name, &manifest),
        (&plain_name, BASE),
    ];
    if is_whole && layer != BASE {
        files.push((&layer_name, layer));
    }
    (tar(&files), Digest::of(&manifest))
}

#[tokio::test]
async fn the_layout_in_an_archive_is_preferred_if_it_is_whole_and_its_layers_are_as_wanted() {
    let plain_type = "application/vnd.oci.image.layer.v1.tar";
    let gzip_type = "application/vnd.oci.image.layer.v1.tar+gzip";
    let other: &[u8] = b"some compressed layer";
    for (layer, layer_type, is_whole, format, is_preferred) in [
        (BASE, plain_type, true, LayerFormat::AsStored, true),
        (BASE, plain_type, true, GZIP, false),
        (other, gzip_type, true, GZIP, true),
        (other, gzip_type, false, GZIP, false),
        (other, gzip_type, false, LayerFormat::AsStored, false),
    ] {
        let room = Room::new();
        let (archive, original) = docker_25(layer, layer_type, is_whole);
        let archive = room.write("a.tar", &archive);
        let image = source(&archive, "app:1", format).await;
        let read = manifest(&*image).await.unwrap();
        assert_eq!(
            read.digest == original,
            is_preferred,
            "{layer_type} {format:?}"
        );
        let blobs: Vec<_> = read.blobs().collect();
        assert_eq!(blobs[0].digest, Digest::of(&config(&[BASE])));
        let content = blob(&*image, &blobs[1].digest, 0).await.unwrap();
        assert_eq!(content.len() as u64, blobs[1].size);
    }
}

/// Every file of an archive.
fn files(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = ::tar::Archive::new(File::open(path).unwrap());
    let entries = archive.entries().unwrap();
    let read = entries.map(|entry| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        (name, content)
    });
    read.collect()
}

#[tokio::test]
async fn what_is_written_is_what_docker_reads() {
    let room = Room::new();
    let archive = room.write("a.tar", &two_images());
    for (format, out) in [
        (GZIP, "gzip.tar"),
        (ZSTD, "zstd.tar"),
        (LayerFormat::AsStored, "as.tar"),
    ] {
        let written = room.open(out);
        for (from, to) in [("nginx:1", "nginx:1"), ("team/web:2", "r.example/web:2")] {
            let image = source(&archive, from, format).await;
            let destination = Arc::clone(&written).destination(Some(&name(to))).await;
            copy(&image, &*destination.unwrap()).await.unwrap();
        }
        assert!(!room.path(out).exists());
        written.finish(true).await.unwrap();
        written.finish(true).await.unwrap();
    }
    assert_eq!(room.names(), ["a.tar", "as.tar", "gzip.tar", "zstd.tar"]);
    let files = files(&room.path("gzip.tar"));
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let [one, two] = [config(&[BASE, TOP]), config(&[BASE])];
    let hex = |content: &[u8]| Digest::of(content).hex();
    let mut layers = [format!("{}.tar", hex(BASE)), format!("{}.tar", hex(TOP))];
    layers.sort();
    let configs = [format!("{}.json", hex(&one)), format!("{}.json", hex(&two))];
    let expected = [
        &layers[..],
        &configs,
        &["repositories".into(), "manifest.json".into()],
    ];
    assert_eq!(names, expected.concat());
    let list: Value = serde_json::from_slice(&files.last().unwrap().1).unwrap();
    assert_eq!(list[0]["RepoTags"], json!(["docker.io/library/nginx:1"]));
    assert_eq!(list[1]["RepoTags"], json!(["r.example/web:2"]));
    assert_eq!(list[0]["Layers"][1], format!("{}.tar", hex(TOP)));
    // The way the layers came makes no difference.
    let whole = fs::read(room.path("gzip.tar")).unwrap();
    for other in ["zstd.tar", "as.tar"] {
        assert!(fs::read(room.path(other)).unwrap() == whole, "{other}");
    }
}

#[tokio::test]
async fn an_archive_that_exists_is_not_changed() {
    let room = Room::new();
    let there = room.write("a.tar", b"something");
    let error = there.destination(None).await.err().unwrap();
    let Error::Local(local) = &error else {
        panic!("{error}");
    };
    assert!(local.hint().contains("do what the message says"));
    let error = error.to_string();
    assert!(
        error.contains("it exists, and Docker archives are not changed"),
        "{error}"
    );
    // One that appears while the archive is written stays too.
    let archive = room.write("b.tar", &two_images());
    let image = source(&archive, "nginx:1", GZIP).await;
    let written = room.open("c.tar");
    let destination = Arc::clone(&written).destination(Some(&name("app:1"))).await;
    copy(&image, &*destination.unwrap()).await.unwrap();
    fs::write(room.path("c.tar"), "theirs").unwrap();
    written.finish(true).await.unwrap_err();
    assert_eq!(fs::read_to_string(room.path("c.tar")).unwrap(), "theirs");
    fs::remove_file(room.path("c.tar")).unwrap();
    written.finish(true).await.unwrap();
    assert_eq!(room.names(), ["a.tar", "b.tar", "c.tar"]);
}

#[tokio::test]
async fn two_processes_do_not_write_the_same_archive() {
    let room = Room::new();
    let first = room.open("a.tar");
    let _destination = Arc::clone(&first).destination(None).await.unwrap();
    let error = room.open("a.tar").destination(None).await.err().unwrap();
    assert!(
        error.to_string().contains("another process is writing"),
        "{error}"
    );
}

#[tokio::test]
async fn a_killed_batch_goes_on_with_what_was_received_and_packed() {
    let room = Room::new();
    let archive = room.write("a.tar", &two_images());
    let image = source(&archive, "nginx:1", GZIP).await;
    let whole = room.open("whole.tar");
    let destination = Arc::clone(&whole).destination(Some(&name("nginx:1"))).await;
    let copied = copy(&image, &*destination.unwrap()).await.unwrap();
    whole.finish(true).await.unwrap();
    let whole = fs::read(room.path("whole.tar")).unwrap();

    // Received, not packed.
    let killed = room.open("b.tar");
    let destination = Arc::clone(&killed)
        .destination(Some(&name("nginx:1")))
        .await;
    put_blobs(&image, &*destination.unwrap(), &copied)
        .await
        .unwrap();
    drop(killed);
    assert_eq!(room.names(), ["a.tar", "b.tar.partial", "whole.tar"]);
    // Packed to the middle of the second layer: the file of the first is gone.
    let [first, _] = sorted_layers();
    let work = room.path("b.tar.partial");
    let layer = format!("sha256-{}.tar", first.hex());
    fs::remove_file(work.join("layers").join(layer)).unwrap();
    fs::write(room.path("b.tar.partial.tar"), &whole[..1024 + 512 + 5]).unwrap();

    let resumed = room.open("b.tar");
    let destination = Arc::clone(&resumed)
        .destination(Some(&name("nginx:1")))
        .await;
    let destination = destination.unwrap();
    // Nothing is read again: the source is gone.
    fs::remove_file(room.path("a.tar")).unwrap();
    let gone = room.open("a.tar");
    assert!(gone.images().await.is_err());
    for (position, described) in copied.blobs().enumerate() {
        let blob = planned(described, position);
        let presence = destination.blob_presence(&blob).await.unwrap();
        assert_eq!(presence, crate::registry::BlobPresence::Present, "{blob:?}");
    }
    destination
        .put_manifest(Selector::Image, &copied)
        .await
        .unwrap();
    resumed.finish(true).await.unwrap();
    assert!(fs::read(room.path("b.tar")).unwrap() == whole);
    assert_eq!(room.names(), ["b.tar", "whole.tar"]);
}

fn sorted_layers() -> [Digest; 2] {
    let mut layers = [Digest::of(BASE), Digest::of(TOP)];
    layers.sort();
    layers
}

fn planned(blob: &crate::oci::Descriptor, position: usize) -> crate::batch::PlannedBlob {
    crate::batch::PlannedBlob {
        digest: blob.digest.clone(),
        size: blob.size,
        kind: match position {
            0 => crate::batch::BlobKind::Config,
            _ => crate::batch::BlobKind::Layer,
        },
        media_type: None,
    }
}

#[tokio::test]
async fn what_the_format_cannot_hold_is_refused_in_a_sentence() {
    let room = Room::new();
    let written = room.open("a.tar");
    let named = |text: &str| {
        let (written, name) = (Arc::clone(&written), name(text));
        async move { written.destination(Some(&name)).await.unwrap() }
    };
    let index = json!({"schemaVersion": 2, "manifests": [],
        "mediaType": "application/vnd.oci.image.index.v1+json"});
    let index = Manifest::parse(index.to_string().into(), None).unwrap();
    let problem = |error: Error| {
        assert_eq!(error.class(), FailureClass::Rejected);
        error.to_string()
    };
    let app = named("app:1").await;
    let error = problem(app.put_manifest(Selector::Image, &index).await.unwrap_err());
    assert!(error.contains("--platform"), "{error}");
    for wrong in ["Not A Name", &format!("app@{}", Digest::of(b""))] {
        let destination = named(wrong).await;
        problem(
            destination
                .put_manifest(Selector::Image, &index)
                .await
                .unwrap_err(),
        );
    }
    let referred = app.add_referrers(&index.digest, &[]).await.unwrap_err();
    problem(referred);
    let position = Arc::clone(&written)
        .destination(Some(&StoredName::Position(0)))
        .await;
    problem(position.err().unwrap());
    // Nothing was written, so there is nothing to pack.
    written.finish(true).await.unwrap();
    assert!(!room.path("a.tar").exists());
}

#[tokio::test]
async fn a_compressed_archive_is_read_and_a_cut_one_is_not() {
    let room = Room::new();
    let plain = two_images();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&plain).unwrap();
    let gzip = encoder.finish().unwrap();
    for content in [&gzip[..], &zstd::encode_all(&*plain, 1).unwrap()] {
        let archive = room.write("a.tar", content);
        assert_eq!(archive.images().await.unwrap().len(), 2);
        let archive = room.write("a.tar", &content[..content.len() / 2]);
        archive.images().await.unwrap_err();
    }
    for length in [0, 100, 600, plain.len() / 2] {
        let archive = room.write("a.tar", &plain[..length]);
        assert!(archive.images().await.is_err(), "cut at {length}");
    }
}

//! Bad content and bad disks: a clear error, and nothing half-written.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use tempfile::TempDir;
use transship::{
    batch::FailureClass,
    oci::{Digest, LocalStore, Transport},
    registry::Limits,
    transport::{Error, LayoutStore, OciArchiveStore, OpenStore, Selector},
};

use super::{
    sample_layout::{SampleLayout, source},
    walk::{copy_into, root},
};

fn layout(path: &Path) -> Arc<dyn OpenStore> {
    let store = LocalStore::new(Transport::Oci, path.to_str().unwrap());
    Arc::new(LayoutStore::new(store, Limits::default()))
}

fn archive(path: &Path) -> Arc<dyn OpenStore> {
    let store = LocalStore::new(Transport::OciArchive, path.to_str().unwrap());
    Arc::new(OciArchiveStore::new(store, Vec::new(), Limits::default()))
}

/// The digest of the layer of the image `single`.
async fn layer(samples: &SampleLayout) -> Digest {
    let from = samples.source("single").await;
    let manifest = root(&*from).await.unwrap();
    manifest.blobs().nth(1).unwrap().digest.clone()
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let nested = paths.flat_map(|path| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    });
    nested.collect()
}

#[tokio::test]
async fn content_that_is_not_its_digest_gets_no_name() {
    let samples = SampleLayout::new();
    let directory = tempfile::tempdir().unwrap();
    let store = layout(directory.path());
    let digest = layer(&samples).await;
    let whole = fs::read(samples.blob(&digest)).unwrap();
    let mut other = whole.clone();
    other[20] ^= 1;
    let longer = [&whole[..], b"x"].concat();
    for (content, problem) in [
        (&other[..], "they are sha256:"),
        (&whole[1..], "they end after"),
        (&longer[..], "more than the"),
    ] {
        fs::write(samples.blob(&digest), content).unwrap();
        let from = samples.source("single").await;
        let error = copy_into(&from, &store, "app").await.unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
        assert_eq!(error.class(), FailureClass::Corrupt);
    }
    let hex = digest.hex();
    let is_there = |path: &PathBuf| path.to_string_lossy().contains(&hex);
    assert!(!files(directory.path()).iter().any(is_there));
    assert!(store.images().await.unwrap().is_empty());
}

#[tokio::test]
async fn manifests_that_were_changed_or_are_missing_are_errors() {
    let samples = SampleLayout::new();
    let from = samples.source("single").await;
    let digest = from.resolve(Selector::Image).await.unwrap().unwrap();
    let raw = fs::read_to_string(samples.blob(&digest)).unwrap();
    fs::write(samples.blob(&digest), raw.replace("sha256", "sha255")).unwrap();
    let error = root(&*from).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    fs::remove_file(samples.blob(&digest)).unwrap();
    let error = root(&*from).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
}

#[tokio::test]
async fn an_archive_that_was_cut_is_an_error_wherever_it_was() {
    let samples = SampleLayout::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    let store = archive(&path);
    let from = samples.source("single").await;
    copy_into(&from, &store, "single").await.unwrap();
    store.finish(true).await.unwrap();
    let whole = fs::read(&path).unwrap();
    // Without the zeros at the end.
    for length in (0..whole.len() - 1024).step_by(700) {
        let cut = directory.path().join("cut.tar");
        fs::write(&cut, &whole[..length]).unwrap();
        let error = archive(&cut).images().await.unwrap_err().to_string();
        assert!(error.contains("cut.tar"), "cut at {length}: {error}");
    }
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let samples = SampleLayout::new();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let from = samples.source("single").await;
    for store in [layout(&file.join("layout")), archive(&file.join("a.tar"))] {
        let error = copy_into(&from, &store, "app")
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("file/"), "{error}");
    }
}

/// A file system of a few bytes; it can be mounted only by root.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(options: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(directory.path())
            .output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(directory));
        }
        eprintln!("skipped: this user cannot mount a file system");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

#[tokio::test]
async fn a_full_disk_ends_the_copy_and_what_is_there_stays_valid() {
    let Some(disk) = SmallDisk::mount("size=64k") else {
        return;
    };
    let samples = SampleLayout::new();
    let directory = disk.path().join("layout");
    let store = layout(&directory);
    let from = samples.source("single").await;
    copy_into(&from, &store, "first").await.unwrap();
    let filler = disk.path().join("filler");
    // As much as fits.
    let full = fs::write(&filler, vec![1; 1 << 20]);
    assert!(full.is_err());
    let index = samples.source("index").await;
    let error = copy_into(&index, &store, "second").await.unwrap_err();
    assert!(error.to_string().contains("No space left"), "{error}");
    let there = tempfile::tempdir().unwrap();
    let there = layout(there.path());
    copy_into(&source(&store, "").await, &there, "first")
        .await
        .unwrap();
    fs::remove_file(filler).unwrap();
    copy_into(&index, &store, "second").await.unwrap();
}

#[tokio::test]
async fn a_compressed_archive_that_is_larger_than_the_disk_says_so_and_leaves_nothing() {
    let Some(disk) = SmallDisk::mount("size=1m") else {
        return;
    };
    let path = disk.path().join("a.tar.zst");
    let compressed = zstd::encode_all(&*vec![0; 16 << 20], 1).unwrap();
    fs::write(&path, compressed).unwrap();
    let error = archive(&path).images().await.unwrap_err().to_string();
    assert!(error.contains("disk is too small to unpack it"), "{error}");
    assert_eq!(files(disk.path()), [path]);
}

#[tokio::test]
async fn a_read_only_disk_is_read_and_refuses_writes_in_a_sentence() {
    let Some(disk) = SmallDisk::mount("size=1m") else {
        return;
    };
    let samples = SampleLayout::new();
    let path = disk.path().join("layout");
    let from = samples.source("single").await;
    copy_into(&from, &layout(&path), "app").await.unwrap();
    let remounted = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(disk.path())
        .status();
    assert!(remounted.unwrap().success());
    let store = layout(&path);
    let there = tempfile::tempdir().unwrap();
    copy_into(&source(&store, "app").await, &layout(there.path()), "app")
        .await
        .unwrap();
    let error = copy_into(&from, &store, "other").await.unwrap_err();
    assert!(error.to_string().contains("Read-only"), "{error}");
}

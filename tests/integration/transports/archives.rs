//! Archives of OCI layouts.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;
use transship::{
    oci::{LocalStore, Transport},
    registry::Limits,
    transport::{OciArchiveStore, OpenStore, Selector},
};

use super::{
    sample_layout::{IMAGES, SampleLayout, source},
    walk::{Copied, copy_into},
};

fn open(path: &Path, bases: &[&Path]) -> Arc<dyn OpenStore> {
    let store = LocalStore::new(Transport::OciArchive, path.to_str().unwrap());
    let bases = bases.iter().map(|base| (*base).to_owned()).collect();
    Arc::new(OciArchiveStore::new(store, bases, Limits::default()))
}

fn working(path: &Path) -> PathBuf {
    path.with_extension("tar.partial")
}

fn partial(path: &Path) -> PathBuf {
    path.with_extension("tar.partial.tar")
}

async fn write(samples: &SampleLayout, path: &Path, images: &[&str]) -> Vec<Copied> {
    let store = open(path, &[]);
    let mut copies = Vec::new();
    for image in images {
        let from = samples.source(image).await;
        copies.push(copy_into(&from, &store, image).await.unwrap());
    }
    store.finish(true).await.unwrap();
    copies
}

#[tokio::test]
async fn an_archive_is_complete_or_not_there_and_nothing_is_left_beside_it() {
    let samples = SampleLayout::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    let store = open(&path, &[]);
    for image in IMAGES {
        let from = samples.source(image).await;
        copy_into(&from, &store, image).await.unwrap();
    }
    assert!(!path.exists() && working(&path).exists());
    let early = store.images().await.unwrap_err().to_string();
    assert!(early.contains("not complete yet"), "{early}");
    store.finish(true).await.unwrap();
    store.finish(true).await.unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    let mut names: Vec<_> = (store.images().await.unwrap().into_iter())
        .map(|image| image.name.to_string())
        .collect();
    names.sort();
    assert_eq!(names, ["index", "nested", "signed", "single", "zstd"]);
    // The same images give the same bytes.
    let again = directory.path().join("b.tar");
    write(&samples, &again, &IMAGES).await;
    assert!(fs::read(&path).unwrap() == fs::read(&again).unwrap());
}

#[tokio::test]
async fn an_archive_is_added_to_and_nothing_is_written_for_what_it_has() {
    let samples = SampleLayout::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    write(&samples, &path, &["single", "index"]).await;
    let before = fs::read(&path).unwrap();
    let same = write(&samples, &path, &["single"]).await;
    assert_eq!(same[0].moved, 0);
    assert!(fs::read(&path).unwrap() == before);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    write(&samples, &path, &["signed"]).await;
    let store = open(&path, &[]);
    for image in ["single", "index", "signed"] {
        let there = directory.path().join(image);
        let there = open(&there, &[]);
        let copied = copy_into(&source(&store, image).await, &there, image).await;
        let expected = samples.source(image).await.resolve(Selector::Image).await;
        assert_eq!(copied.unwrap().root, expected.unwrap(), "{image}");
    }
}

/// What a killed process leaves: a tar cut after `cut` bytes, and a layout without the blobs that were synced in it.
fn interrupt(whole: &[u8], path: &Path, layout: &Path, cut: usize, synced: usize) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join(path.file_name().unwrap());
    copy_tree(layout, &working(&path));
    fs::write(partial(&path), &whole[..cut]).unwrap();
    let mut archive = tar::Archive::new(whole);
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let end = entry.raw_file_position() + entry.size().div_ceil(512) * 512;
        let name = entry.path().unwrap().into_owned();
        if usize::try_from(end).unwrap() <= synced && name.starts_with("blobs") {
            fs::remove_file(working(&path).join(name)).unwrap();
        }
    }
    copy
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true if entry.file_name() == ".transship" => {}
            true => copy_tree(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

#[tokio::test]
async fn packing_that_was_killed_at_any_moment_goes_on_and_gives_the_same_archive() {
    let samples = SampleLayout::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    let store = open(&path, &[]);
    for image in ["single", "signed"] {
        let from = samples.source(image).await;
        copy_into(&from, &store, image).await.unwrap();
    }
    let layout = directory.path().join("layout");
    copy_tree(&working(&path), &layout);
    store.finish(true).await.unwrap();
    drop(store);
    let whole = fs::read(&path).unwrap();
    let mut cuts: Vec<_> = (0..whole.len()).step_by(512 * 3 + 100).collect();
    cuts.push(whole.len());
    for cut in cuts {
        for synced in [0, cut / 2, cut] {
            let left = interrupt(&whole, &path, &layout, cut, synced);
            let path = left.path().join("a.tar");
            // Nothing is copied again.
            let resumed = write(&samples, &path, &["single", "signed"]).await;
            let moved: usize = resumed.iter().map(|copied| copied.moved).sum();
            assert_eq!(moved, 0, "cut at {cut}, synced to {synced}");
            let now = fs::read(&path).unwrap();
            assert!(now == whole, "cut at {cut}, synced to {synced}");
            assert_eq!(fs::read_dir(left.path()).unwrap().count(), 1);
        }
    }
}

#[tokio::test]
async fn what_a_base_has_is_left_out_and_asked_for_by_its_name() {
    let samples = SampleLayout::new();
    let directory = tempfile::tempdir().unwrap();
    let [base, path] = ["week-1.tar", "week-2.tar"].map(|name| directory.path().join(name));
    write(&samples, &base, &["index"]).await;
    let store = open(&path, &[&base]);
    for (image, moved) in [("index", 0), ("single", 2)] {
        let from = samples.source(image).await;
        let copied = copy_into(&from, &store, image).await.unwrap();
        assert_eq!(copied.moved, moved, "{image}");
    }
    store.finish(true).await.unwrap();
    let week_2 = open(&path, &[]);
    let layout = |name: &str| open(&directory.path().join(name), &[]);
    let alone = layout("alone.tar");
    copy_into(&source(&week_2, "single").await, &alone, "single")
        .await
        .unwrap();
    let error = copy_into(&source(&week_2, "index").await, &alone, "index").await;
    let error = error.unwrap_err();
    assert!(error.is_not_found());
    let text = error.to_string();
    assert!(text.contains("week-2.tar"), "{text}");
    assert!(
        text.contains("because week-1.tar has it: load week-1.tar first"),
        "{text}"
    );
    // With the base there, the second archive is all that is needed.
    let loaded = layout("loaded.tar");
    let week_1 = open(&base, &[]);
    copy_into(&source(&week_1, "index").await, &loaded, "base")
        .await
        .unwrap();
    let copied = copy_into(&source(&week_2, "index").await, &loaded, "index").await;
    assert_eq!(copied.unwrap().moved, 0);
}

#[tokio::test]
async fn an_archive_of_something_else_is_not_changed() {
    let samples = SampleLayout::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    write(&samples, &path, &["single"]).await;
    let mut content = fs::read(&path).unwrap();
    content.truncate(content.len() - 1024);
    let mut builder = tar::Builder::new(content);
    let mut header = tar::Header::new_gnu();
    header.set_size(2);
    builder
        .append_data(&mut header, "manifest.json", &b"[]"[..])
        .unwrap();
    fs::write(&path, builder.into_inner().unwrap()).unwrap();
    let from = samples.source("single").await;
    let error = copy_into(&from, &open(&path, &[]), "app")
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("\"manifest.json\", which would be lost"),
        "{error}"
    );
}

#[tokio::test]
async fn compressed_archives_are_read() {
    let samples = SampleLayout::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    let copied = write(&samples, &path, &["index"]).await;
    let compressed = zstd::encode_all(&*fs::read(&path).unwrap(), 1).unwrap();
    let zstd = directory.path().join("a.tar.zst");
    fs::write(&zstd, compressed).unwrap();
    let there = open(&directory.path().join("b.tar"), &[]);
    let again = copy_into(&source(&open(&zstd, &[]), "").await, &there, "index").await;
    assert_eq!(again.unwrap(), copied[0]);
}

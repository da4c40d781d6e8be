//! Image directories.

use std::{fs, path::Path, sync::Arc};

use transship::{
    oci::{LocalStore, StoredName, Tag, Transport},
    registry::{ImageBudget, Limits},
    transport::{DirectoryStore, OpenStore, Referrers, Selector},
};

use super::{
    sample_layout::{IMAGES, SampleLayout, name, source},
    walk::{copy_into, destination, root},
};

fn open(path: &Path) -> Arc<dyn OpenStore> {
    let store = LocalStore::new(Transport::Dir, path.to_str().unwrap());
    Arc::new(DirectoryStore::new(store, Limits::default()))
}

#[tokio::test]
async fn each_image_has_a_directory_that_is_read_back() {
    let samples = SampleLayout::new();
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    for image in IMAGES {
        let from = samples.source(image).await;
        let name = format!("team/{image}");
        let first = copy_into(&from, &store, &name).await.unwrap();
        let there = open(&directory.path().join("again"));
        let second = copy_into(&source(&store, &name).await, &there, image).await;
        assert_eq!(second.unwrap(), first, "{image}");
    }
    let names: Vec<_> = (store.images().await.unwrap().into_iter())
        .map(|image| (image.name.to_string(), image.manifest.is_some()))
        .filter(|(name, _)| name.starts_with("team"))
        .collect();
    let expected = ["index", "nested", "signed", "single", "zstd"];
    assert_eq!(names, expected.map(|name| (format!("team/{name}"), true)));
    // Nothing but the image is left in a directory.
    let mut files: Vec<_> = fs::read_dir(directory.path().join("team/single"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.len() != 64)
        .collect();
    files.sort();
    assert_eq!(files, ["manifest.json", "version"]);
}

#[tokio::test]
async fn the_directory_itself_is_the_image_without_a_name() {
    let samples = SampleLayout::new();
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let copied = copy_into(&samples.source("signed").await, &store, "").await;
    let copied = copied.unwrap();
    let read = source(&store, "").await;
    assert_eq!(read.resolve(Selector::Image).await.unwrap(), copied.root);
    let budget = ImageBudget::new(|| ());
    let referrers = read.referrers(&copied.root.unwrap(), &budget).await;
    assert!(matches!(referrers.unwrap(), Referrers::Listed(all) if all.len() == 1));
}

#[tokio::test]
async fn a_directory_has_no_tags_and_says_so() {
    let samples = SampleLayout::new();
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let from = samples.source("single").await;
    copy_into(&from, &store, "app").await.unwrap();
    let destination = destination(&store, "app").await.unwrap();
    let tag: Tag = "latest".parse().unwrap();
    assert_eq!(
        destination.resolve(Selector::Tag(&tag)).await.unwrap(),
        None
    );
    let root = root(&*from).await.unwrap();
    let put = destination.put_manifest(Selector::Tag(&tag), &root).await;
    let text = put.unwrap_err().to_string();
    assert!(text.contains("no tags, so latest has no place"), "{text}");
}

#[tokio::test]
async fn names_that_lead_outside_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    for name in [name("../app"), name("/etc"), StoredName::Position(0)] {
        let opened = Arc::clone(&store).destination(Some(&name)).await;
        assert!(opened.is_err(), "{name}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn an_image_that_was_not_finished_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let version = "Directory Transport Version: 1.1\n";
    fs::write(directory.path().join("version"), version).unwrap();
    let read = source(&store, "").await;
    assert_eq!(read.resolve(Selector::Image).await.unwrap(), None);
    let error = root(&*read).await;
    let text = error.unwrap_err().to_string();
    assert!(text.contains("not written completely"), "{text}");
    fs::write(
        directory.path().join("version"),
        "Directory Transport Version: 2.0\n",
    )
    .unwrap();
    let error = read.resolve(Selector::Image).await.unwrap_err();
    assert!(error.to_string().contains("can be read"), "{error}");
}

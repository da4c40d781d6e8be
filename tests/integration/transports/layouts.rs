//! Layouts in directories.

use std::{fs, path::Path, sync::Arc};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;
use transship::{
    oci::{Digest, LocalStore, Tag, Transport},
    registry::{ImageBudget, Limits},
    transport::{Error, LayoutStore, LocalErrorCause, OpenStore, Referrers, Selector},
};

use super::{
    sample_layout::{IMAGES, SampleLayout, named, source},
    walk::{copy, copy_into, destination, root},
};

fn open(path: &Path) -> Arc<dyn OpenStore> {
    let store = LocalStore::new(Transport::Oci, path.to_str().unwrap());
    Arc::new(LayoutStore::new(store, Limits::default()))
}

fn layout() -> (TempDir, Arc<dyn OpenStore>) {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    (directory, store)
}

fn index(directory: &Path) -> Value {
    serde_json::from_slice(&fs::read(directory.join("index.json")).unwrap()).unwrap()
}

fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_second_copy_finds_everything_there() {
    let samples = SampleLayout::new();
    let (_directory, store) = layout();
    for image in IMAGES {
        let from = samples.source(image).await;
        let first = copy_into(&from, &store, image).await.unwrap();
        let second = copy_into(&from, &store, image).await.unwrap();
        assert_eq!(second.moved, 0, "{image}");
        assert_eq!(second.present, first.moved + first.present, "{image}");
        let read = source(&store, image).await;
        let root = read.resolve(Selector::Image).await.unwrap();
        assert_eq!(root, first.root, "{image}");
    }
}

#[tokio::test]
async fn images_written_at_once_are_all_listed() {
    let samples = SampleLayout::new();
    let (directory, store) = layout();
    let names: Vec<String> = (0..40).map(|number| format!("app:{number:02}")).collect();
    let copies = names.iter().enumerate().map(|(at, name)| {
        let (samples, store) = (&samples, &store);
        async move {
            let from = samples.source(IMAGES[at % IMAGES.len()]).await;
            copy_into(&from, store, name).await.unwrap()
        }
    });
    join_all(copies).await;
    let mut listed: Vec<String> = (store.images().await.unwrap().into_iter())
        .map(|image| image.name.to_string())
        .collect();
    listed.sort();
    assert_eq!(listed, names);
    drop(store);
    assert_eq!(
        files(directory.path()),
        ["blobs", "index.json", "oci-layout"]
    );
}

#[tokio::test]
async fn what_another_process_lists_meanwhile_stays() {
    let samples = SampleLayout::new();
    let (directory, store) = layout();
    let from = samples.source("single").await;
    copy_into(&from, &store, "app:1").await.unwrap();
    let mut theirs = index(directory.path());
    let entry =
        json!({"mediaType": "text/plain", "digest": Digest::of(b"x"), "size": 1, "theirs": true});
    theirs["manifests"]
        .as_array_mut()
        .unwrap()
        .push(entry.clone());
    theirs["extra"] = json!(1);
    fs::write(directory.path().join("index.json"), theirs.to_string()).unwrap();
    copy_into(&from, &store, "app:2").await.unwrap();
    let now = index(directory.path());
    assert_eq!((&now["extra"], &now["manifests"][1]), (&json!(1), &entry));
    assert_eq!(now["manifests"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_layout_has_one_writer_and_any_number_of_readers() {
    let samples = SampleLayout::new();
    let (directory, store) = layout();
    let from = samples.source("single").await;
    copy_into(&from, &store, "app").await.unwrap();
    let second = open(directory.path());
    let error = copy_into(&from, &second, "app").await.unwrap_err();
    let Error::Local(error) = error else {
        panic!("{error}");
    };
    assert!(
        matches!(*error.cause, LocalErrorCause::Locked(_)),
        "{error}"
    );
    assert!(error.to_string().contains(".transship.lock"), "{error}");
    assert_eq!(second.images().await.unwrap().len(), 1);
    drop(store);
    copy_into(&from, &second, "app").await.unwrap();
}

#[tokio::test]
async fn an_image_without_a_name_is_found_beside_what_refers_to_it() {
    let samples = SampleLayout::new();
    let (_directory, store) = layout();
    let copied = copy_into(&samples.source("signed").await, &store, "").await;
    let copied = copied.unwrap();
    assert_eq!(copied.manifests, 2);
    let read = source(&store, "").await;
    let root = read.resolve(Selector::Image).await.unwrap();
    assert_eq!(root, copied.root);
    let budget = ImageBudget::new(|| ());
    let referrers = read.referrers(&root.unwrap(), &budget).await.unwrap();
    assert!(matches!(referrers, Referrers::Listed(referrers) if referrers.len() == 1));
    assert_eq!(store.images().await.unwrap().len(), 1);
}

#[tokio::test]
async fn names_are_tags_of_one_repository() {
    let samples = SampleLayout::new();
    let (_directory, store) = layout();
    let from = samples.source("single").await;
    let destination = destination(&store, "team/api:1").await.unwrap();
    copy(&from, &*destination).await.unwrap();
    copy_into(&from, &store, "team/web:9").await.unwrap();
    let latest: Tag = "latest".parse().unwrap();
    assert_eq!(
        destination.resolve(Selector::Tag(&latest)).await.unwrap(),
        None
    );
    let root = root(&*from).await.unwrap();
    let put = destination.put_manifest(Selector::Tag(&latest), &root);
    put.await.unwrap();
    let found = destination.resolve(Selector::Tag(&latest)).await.unwrap();
    assert_eq!(found, Some(root.digest));
    let mut tags = Vec::new();
    let mut each = |tag: &str| {
        tags.push(tag.to_owned());
        true
    };
    destination.for_each_tag(&mut each).await.unwrap();
    assert_eq!(tags, ["1", "latest"]);
}

#[tokio::test]
async fn a_name_that_is_not_there_is_answered_with_those_that_are() {
    let samples = SampleLayout::new();
    let missing = samples.source("gone").await;
    assert_eq!(missing.resolve(Selector::Image).await.unwrap(), None);
    let error = root(&*missing).await.unwrap_err();
    assert!(error.is_not_found());
    let text = error.to_string();
    assert!(
        text.contains("no image named gone, such as single"),
        "{text}"
    );
    let several = samples.source("").await;
    let text = several.resolve(Selector::Image).await.unwrap_err();
    let text = text.to_string();
    assert!(text.contains("it has 5 images; name one"), "{text}");
    let double = samples.image("double", "application/vnd.oci.image.layer.v1.tar+gzip");
    let other = samples.image("other", "application/vnd.oci.image.layer.v1.tar+gzip");
    samples.list(&[named(&double, "app"), named(&other, "app")]);
    let ambiguous = samples.source("app").await;
    let text = ambiguous.resolve(Selector::Image).await.unwrap_err();
    let text = text.to_string();
    assert!(text.contains("by its position: @0, @1"), "{text}");
}

#[tokio::test]
async fn a_directory_with_other_files_is_left_as_it_is() {
    let samples = SampleLayout::new();
    let (directory, store) = layout();
    fs::write(directory.path().join("thesis.txt"), "text").unwrap();
    let from = samples.source("single").await;
    let error = copy_into(&from, &store, "app").await.unwrap_err();
    assert!(error.to_string().contains("not an OCI layout"), "{error}");
    assert_eq!(files(directory.path()), ["thesis.txt"]);
}

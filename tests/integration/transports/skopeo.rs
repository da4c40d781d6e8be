//! Real skopeo reads what is written, and writes what is read.

use std::{path::Path, sync::Arc};

use tokio::process::Command;
use transship::{
    oci::{Digest, LocalStore, Transport},
    registry::Limits,
    transport::{DirectoryStore, LayoutStore, OciArchiveStore, OpenStore},
};

use super::{
    sample_layout::{IMAGES, SampleLayout, source},
    walk::copy_into,
};
use crate::installed;

const TRANSPORTS: [Transport; 3] = [Transport::Oci, Transport::OciArchive, Transport::Dir];

fn open(transport: Transport, path: &Path) -> Arc<dyn OpenStore> {
    let store = LocalStore::new(transport, path.to_str().unwrap());
    let limits = Limits::default();
    match transport {
        Transport::Oci => Arc::new(LayoutStore::new(store, limits)),
        Transport::OciArchive => Arc::new(OciArchiveStore::new(store, Vec::new(), limits)),
        Transport::Dir => Arc::new(DirectoryStore::new(store, limits)),
        other => panic!("{other:?}"),
    }
}

/// How skopeo spells an image of a store.
fn location(transport: Transport, path: &Path, image: &str) -> String {
    let (name, path) = (transport.name(), path.display());
    match transport {
        Transport::Dir => format!("dir:{path}/{image}"),
        _ => format!("{name}:{path}:{image}"),
    }
}

async fn skopeo(program: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .arg("--insecure-policy")
        .args(arguments)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    output.stdout
}

#[tokio::test]
async fn skopeo_reads_every_store_that_is_written() {
    let Some(program) = installed::program("skopeo") else {
        return;
    };
    let samples = SampleLayout::new();
    let directory = tempfile::tempdir().unwrap();
    for transport in TRANSPORTS {
        let path = directory.path().join(transport.name());
        let store = open(transport, &path);
        let mut roots = Vec::new();
        for image in IMAGES {
            let copied = copy_into(&samples.source(image).await, &store, image).await;
            roots.push(copied.unwrap().root);
        }
        store.finish(true).await.unwrap();
        for (image, root) in IMAGES.into_iter().zip(roots) {
            let image_location = location(transport, &path, image);
            let raw = skopeo(&program, &["inspect", "--raw", &image_location]).await;
            assert_eq!(Some(Digest::of(&raw)), root, "{image_location}");
            // It cannot copy an index in an index.
            if image != "nested" {
                let there = directory.path().join("copy").join(image);
                let to = format!("dir:{}", there.display());
                std::fs::create_dir_all(there.parent().unwrap()).unwrap();
                let copy = ["copy", "--all", "--preserve-digests", &image_location, &to];
                skopeo(&program, &copy).await;
                let manifest = std::fs::read(there.join("manifest.json")).unwrap();
                assert_eq!(Some(Digest::of(&manifest)), root, "{image_location}");
            }
        }
    }
}

#[tokio::test]
async fn every_store_that_skopeo_writes_is_read() {
    let Some(program) = installed::program("skopeo") else {
        return;
    };
    let samples = SampleLayout::new();
    let directory = tempfile::tempdir().unwrap();
    for transport in TRANSPORTS {
        for image in ["single", "zstd", "index"] {
            let from = location(Transport::Oci, samples.path(), image);
            let path = directory.path().join(transport.name()).join(image);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let to = location(transport, &path, image);
            if transport == Transport::Dir {
                std::fs::create_dir_all(path.join(image)).unwrap();
            }
            let copy = ["copy", "--all", "--preserve-digests", &from, &to];
            skopeo(&program, &copy).await;
            let store = open(transport, &path);
            let names: Vec<_> = store.images().await.unwrap();
            assert_eq!(names.len(), 1, "{to}: {names:?}");
            assert_eq!(names[0].name.to_string(), image, "{to}");
            let again = open(Transport::Oci, &path.with_extension("again"));
            let copied = copy_into(&source(&store, image).await, &again, image).await;
            let expected = open(Transport::Oci, &path.with_extension("expected"));
            let direct = copy_into(&samples.source(image).await, &expected, image).await;
            assert_eq!(copied.unwrap(), direct.unwrap(), "{to}");
        }
    }
}

//! Archives that skopeo writes are read, and skopeo reads those that are written.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;
use tokio::process::Command;
use transship::{
    oci::{Digest, LocalStore, Transport},
    registry::Limits,
    transport::{DirectoryStore, LayerFormat, OpenStore},
};

use super::images::{GZIP, ZSTD, archive, copy, docker_save};
use crate::installed;

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

fn at(transport: &str, path: &Path) -> String {
    format!("{transport}:{}", path.display())
}

/// The digest of the config of an image in a directory of skopeo.
fn config(directory: &Path) -> Digest {
    let manifest = fs::read(directory.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    manifest["config"]["digest"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

struct Room {
    program: PathBuf,
    directory: tempfile::TempDir,
}

impl Room {
    fn new() -> Option<Self> {
        let program = installed::program("skopeo")?;
        let directory = tempfile::tempdir().unwrap();
        Some(Self { program, directory })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    async fn copy(&self, from: &str, to: &str) {
        skopeo(&self.program, &["copy", from, to]).await;
    }
}

#[tokio::test]
async fn skopeo_reads_the_archives_that_are_written() {
    let Some(room) = Room::new() else { return };
    let saved = room.path("saved.tar");
    let id = docker_save(&saved, "app:1");
    for (format, file) in [
        (GZIP, "gzip.tar"),
        (ZSTD, "zstd.tar"),
        (LayerFormat::AsStored, "plain.tar"),
    ] {
        let path = room.path(file);
        let written = archive(&path);
        for to in ["app:1", "r.example/team/app:2"] {
            let copied = copy(&archive(&saved), Some("app:1"), format, &written, to).await;
            assert_eq!(copied.unwrap(), id);
        }
        written.finish(true).await.unwrap();
        for tag in ["", ":app:1", ":r.example/team/app:2"] {
            let directory = room.path(&format!("{file}.dir{}", tag.replace(['/', ':'], "-")));
            let from = format!("{}{tag}", at("docker-archive", &path));
            room.copy(&from, &at("dir", &directory)).await;
            assert_eq!(config(&directory), id);
        }
    }
}

#[tokio::test]
async fn an_archive_that_skopeo_wrote_is_read() {
    let Some(room) = Room::new() else { return };
    let (saved, theirs, ours) = (room.path("a.tar"), room.path("b.tar"), room.path("c.tar"));
    let id = docker_save(&saved, "app:1");
    let to = format!("{}:r.example/team/app:2", at("docker-archive", &theirs));
    room.copy(&at("docker-archive", &saved), &to).await;
    let written = archive(&ours);
    let images = archive(&theirs).images().await.unwrap();
    let names: Vec<String> = images.iter().map(|image| image.name.to_string()).collect();
    assert_eq!(names, ["r.example/team/app:2"]);
    let copied = copy(&archive(&theirs), None, GZIP, &written, "app:1").await;
    assert_eq!(copied.unwrap(), id);
    written.finish(true).await.unwrap();
    let directory = room.path("dir");
    room.copy(&at("docker-archive", &ours), &at("dir", &directory))
        .await;
    assert_eq!(config(&directory), id);
}

#[tokio::test]
async fn compressed_layers_are_what_skopeo_expects() {
    let Some(room) = Room::new() else { return };
    let saved = room.path("saved.tar");
    let id = docker_save(&saved, "app:1");
    let store = LocalStore::new(Transport::Dir, room.directory.path().to_str().unwrap());
    let directories: Arc<dyn OpenStore> = Arc::new(DirectoryStore::new(store, Limits::default()));
    // Docker's formats do not know zstd.
    for (format, name, transport) in [(GZIP, "gzip", "docker-archive"), (ZSTD, "zstd", "oci")] {
        let copied = copy(&archive(&saved), Some("app:1"), format, &directories, name).await;
        assert_eq!(copied.unwrap(), id);
        directories.finish(true).await.unwrap();
        let theirs = at(transport, &room.path(&format!("{name}.theirs")));
        room.copy(&at("dir", &room.path(name)), &theirs).await;
        let directory = room.path(&format!("{name}.dir"));
        room.copy(&theirs, &at("dir", &directory)).await;
        assert_eq!(config(&directory), id);
    }
}

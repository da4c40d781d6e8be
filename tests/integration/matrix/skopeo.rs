//! Real skopeo reads what `transship copy` writes, and the other way round.

use std::{fs, path::PathBuf};

use serde_json::Value;
use tokio::process::Command;
use transship::oci::Digest;

use super::{
    STORES,
    images::{Kind, Sample},
    room::{Place, Room},
};
use crate::installed;

struct Skopeo<'a> {
    program: PathBuf,
    room: &'a Room,
}

impl Skopeo<'_> {
    async fn copy(&self, source: &str, destination: &str, keeps_manifests: bool) {
        let mut command = Command::new(&self.program);
        command.args(["--insecure-policy", "copy", "--src-tls-verify=false"]);
        if keeps_manifests {
            command.args(["--all", "--preserve-digests"]);
        }
        for (side, location) in [("src", source), ("dest", destination)] {
            if let (Some(daemon), "docker-daemon") = (self.room.daemon(), transport(location)) {
                command.arg(format!("--{side}-daemon-host={daemon}"));
            }
        }
        let copied = command.args([source, destination]).output().await.unwrap();
        let said = String::from_utf8_lossy(&copied.stderr);
        assert!(copied.status.success(), "{source} to {destination}: {said}");
    }

    /// Copies the image to a directory, and checks what is there.
    async fn reads(&self, image: &Sample, place: Place, location: &str) {
        let name = format!("skopeo-{}-{}", image.kind.tag(), place.word());
        let directory = self.room.path(&name);
        let to = format!("dir:{}", directory.display());
        self.copy(location, &to, place.keeps_manifests()).await;
        let manifest = fs::read(directory.join("manifest.json")).unwrap();
        if place.keeps_manifests() {
            assert_eq!(Digest::of(&manifest), image.digest, "{location}");
        } else {
            let manifest: Value = serde_json::from_slice(&manifest).unwrap();
            let config = manifest["config"]["digest"].as_str().unwrap();
            assert_eq!(config, image.config.to_string(), "{location}");
        }
    }
}

fn transport(location: &str) -> &str {
    location.split_once(':').unwrap().0
}

#[tokio::test]
async fn images_go_through_every_store_to_and_from_skopeo() {
    let Some(program) = installed::program("skopeo") else {
        return;
    };
    let room = &Room::new().await;
    let skopeo = Skopeo { program, room };
    for kind in [Kind::Index, Kind::Single] {
        let image = room.put(kind);
        let origin = room.origin(kind);
        for place in room.found(&STORES[1..]) {
            let ours = room.at(place, kind, "ours");
            let from = (Place::Registry, origin.as_str());
            room.arrives(&image, from, (place, &ours)).await;
            skopeo.reads(&image, place, &ours).await;
            let theirs = room.at(place, kind, "theirs");
            skopeo.copy(&origin, &theirs, place.keeps_manifests()).await;
            let back = room.at(Place::Registry, kind, place.word());
            room.arrives(&image, (place, &theirs), (Place::Registry, &back))
                .await;
        }
    }
}

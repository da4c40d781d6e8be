//! Every kind of image from every store to every other one, with `transship copy`.

mod images;
mod room;
mod skopeo;

use images::Kind;
use room::{Place, Room};

/// The matrix. Podman has Docker's API.
const STORES: [Place; 6] = [
    Place::Registry,
    Place::Layout,
    Place::LayoutArchive,
    Place::Directory,
    Place::DockerArchive,
    Place::Daemon,
];

async fn all_pairs(kind: Kind) {
    let room = Room::new().await;
    let image = room.put(kind);
    let origin = room.origin(kind);
    for from in room.found(&STORES) {
        let source = room.at(from, kind, "source");
        room.arrives(&image, (Place::Registry, &origin), (from, &source))
            .await;
        for to in room.found(&STORES) {
            let destination = room.at(to, kind, from.word());
            room.arrives(&image, (from, &source), (to, &destination))
                .await;
        }
    }
}

#[tokio::test]
async fn an_index_arrives_from_every_store_in_every_store() {
    all_pairs(Kind::Index).await;
}

#[tokio::test]
async fn an_image_of_docker_arrives_from_every_store_in_every_store() {
    all_pairs(Kind::Docker).await;
}

#[tokio::test]
async fn other_images_go_from_a_registry_to_every_store_and_back() {
    let room = Room::new().await;
    for kind in [Kind::Single, Kind::Referred, Kind::Zstd] {
        let image = room.put(kind);
        let origin = room.origin(kind);
        let last = match kind {
            // The same program is behind both.
            Kind::Single => Place::PodmanStorage,
            _ => Place::Daemon,
        };
        let local = [&STORES[1..5], &[last]].concat();
        for to in room.found(&local) {
            let there = room.at(to, kind, "there");
            room.arrives(&image, (Place::Registry, &origin), (to, &there))
                .await;
            let back = room.at(Place::Registry, kind, to.word());
            room.arrives(&image, (to, &there), (Place::Registry, &back))
                .await;
        }
    }
}

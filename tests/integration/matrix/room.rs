//! An operator with a registry, a daemon if podman is found, and a directory for everything else.

use std::path::PathBuf;

use transship::oci::Digest;

use super::images::{Kind, REPOSITORY, Sample};
use crate::{
    docker_archives::podman::Podman,
    embedded::Embedded,
    operator::{Ended, Operator},
};

/// A kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Registry,
    Layout,
    LayoutArchive,
    Directory,
    DockerArchive,
    Daemon,
    PodmanStorage,
}

impl Place {
    /// Part of a tag and a file name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Registry => "docker",
            Self::Layout => "oci",
            Self::LayoutArchive => "oci-archive",
            Self::Directory => "dir",
            Self::DockerArchive => "docker-archive",
            Self::Daemon => "docker-daemon",
            Self::PodmanStorage => "containers-storage",
        }
    }

    pub fn keeps_manifests(self) -> bool {
        match self {
            Self::Registry | Self::Layout | Self::LayoutArchive | Self::Directory => true,
            Self::DockerArchive | Self::Daemon | Self::PodmanStorage => false,
        }
    }

    fn keeps_referrers(self) -> bool {
        match self {
            Self::Registry | Self::Layout | Self::LayoutArchive => true,
            Self::Directory | Self::DockerArchive | Self::Daemon | Self::PodmanStorage => false,
        }
    }

    fn is_podman(self) -> bool {
        matches!(self, Self::Daemon | Self::PodmanStorage)
    }
}

pub struct Room {
    pub operator: Operator,
    pub registry: Embedded,
    podman: Option<Podman>,
}

impl Room {
    pub async fn new() -> Self {
        Self {
            operator: Operator::new(),
            registry: Embedded::start().await,
            podman: Podman::start().await,
        }
    }

    /// Where podman listens.
    pub fn daemon(&self) -> Option<String> {
        self.podman.as_ref().map(Podman::url)
    }

    /// Those of `places` that this machine has.
    pub fn found(&self, places: &[Place]) -> Vec<Place> {
        let is_found = |place: &Place| self.podman.is_some() || !place.is_podman();
        places.iter().copied().filter(is_found).collect()
    }

    pub fn put(&self, kind: Kind) -> Sample {
        kind.put(self.registry.server.store())
    }

    /// The image of this kind in the registry.
    pub fn origin(&self, kind: Kind) -> String {
        format!(
            "docker://{}/{REPOSITORY}:{}",
            self.registry.address(),
            kind.tag()
        )
    }

    /// An image of its own in a store: its name depends on `kind` and `word`.
    pub fn at(&self, place: Place, kind: Kind, word: &str) -> String {
        let tag = format!("{}-{word}", kind.tag());
        let path = self.path(&format!("{tag}.{}", place.word()));
        let path = path.display();
        let place_word = place.word();
        match place {
            // A repository without the blobs of the origin.
            Place::Registry => format!("docker://{}/copies/app:{tag}", self.registry.address()),
            Place::Layout => format!("oci:{}:team/app:{tag}", self.path("layout").display()),
            Place::LayoutArchive => format!("oci-archive:{path}:team/app:{tag}"),
            Place::Directory => format!("dir:{path}"),
            Place::DockerArchive => format!("docker-archive:{path}:localhost/team/app:{tag}"),
            Place::Daemon | Place::PodmanStorage => {
                format!("{place_word}:localhost/{place_word}:{tag}")
            }
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.operator.path(name)
    }

    /// The program, which finds podman.
    pub async fn say(&self, words: &[&str]) -> Ended {
        let mut command = self.operator.command(words);
        if let Some(podman) = &self.podman {
            command.env("DOCKER_HOST", podman.url());
            command.env("CONTAINER_HOST", podman.url());
        }
        command.output().await.unwrap().into()
    }

    /// Copies the image, and checks what has arrived.
    pub async fn arrives(
        &self,
        image: &Sample,
        (from, source): (Place, &str),
        (to, destination): (Place, &str),
    ) {
        let pair = format!("{source} to {destination}");
        let copied = self.say(&["copy", source, destination, "--quiet"]).await;
        assert_eq!(copied.code, Some(0), "{pair}\n{}", copied.stderr);
        if from.keeps_manifests() && to.keeps_manifests() {
            assert_eq!(self.digest(destination).await, image.digest, "{pair}");
        } else if !to.is_podman() || from == Place::Registry {
            // Podman takes its time; the comparison below has the config, too.
            assert_eq!(self.config(destination).await, image.config, "{pair}");
        }
        if image.kind == Kind::Referred && from.keeps_referrers() && to.keeps_referrers() {
            let attached = self.say(&["inspect", destination]).await;
            let is_listed = attached.expect(0).stdout.contains("vnd.example.sbom");
            assert!(is_listed, "{pair}\n{}", attached.stdout);
        }
        let verified = self.say(&["verify", source, destination, "--deep"]).await;
        assert_eq!(verified.code, Some(0), "{pair}\n{verified:?}");
    }

    async fn digest(&self, image: &str) -> Digest {
        let digest = self.say(&["digest", image]).await;
        digest.expect(0).stdout.trim().parse().unwrap()
    }

    async fn config(&self, image: &str) -> Digest {
        let config = self.say(&["inspect", image, "--config"]).await;
        Digest::of(config.expect(0).stdout.as_bytes())
    }
}

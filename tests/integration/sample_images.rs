//! Sample images of a team: repositories that share bases, several platforms, an artifact, and Docker media types.

use std::collections::BTreeSet;

use serde_json::json;
use transship::{
    oci::{Descriptor, Digest, Manifest, MediaType, Platform, Repository, Tag, Version},
    serve::{ImageBuilder, Store},
};

const APPLICATIONS: [&str; 7] = [
    "shop/cart",
    "shop/checkout",
    "shop/search",
    "billing/invoices",
    "billing/payments",
    "platform/gateway",
    "platform/mailer",
];
const RELEASES: u64 = 6;
const KIB: u64 = 1024;

pub struct SampleImages<'a> {
    store: &'a Store,
    /// The names in a list: repository and tag.
    pub images: Vec<String>,
}

impl<'a> SampleImages<'a> {
    /// 45 images in 10 repositories. `weight` is the size of a base layer in KiB; the other sizes are proportional.
    pub fn new(store: &'a Store, weight: u64) -> Self {
        let mut samples = Self {
            store,
            images: Vec::new(),
        };
        samples.applications(weight);
        samples.platforms(weight);
        samples.artifact();
        samples.docker(weight);
        samples
    }

    fn applications(&mut self, weight: u64) {
        let estate = ImageBuilder::new(self.store);
        for (number, name) in (0..).zip(APPLICATIONS) {
            let repository = repository(name);
            let layer = |seed, share| {
                let size = weight * KIB / share + seed;
                estate.layer(&repository, seed, size).unwrap()
            };
            // Two bases for all of them, a layer for the repository, one for the release.
            let base = layer(1 + number % 2, 1);
            let dependencies = layer(100 + number, 3);
            for release in 1..=RELEASES {
                let own = layer(1000 + number * 100 + release, 10);
                let tag = format!("{number}.{release}");
                let layers = [base.clone(), dependencies.clone(), own];
                let tagged = tag.parse().unwrap();
                estate
                    .image(&repository, Some(&tagged), &amd64(), &layers)
                    .unwrap();
                self.images.push(format!("{name}:{tag}"));
            }
        }
    }

    fn platforms(&mut self, weight: u64) {
        let estate = ImageBuilder::new(self.store);
        let repository = repository("edge/agent");
        let children: Vec<_> = (1..)
            .zip(["linux/amd64", "linux/arm64", "linux/arm/v7"])
            .map(|(number, platform)| {
                let layer = estate.layer(&repository, 5000 + number, weight * KIB / 2);
                let platform = platform.parse().unwrap();
                estate
                    .image(&repository, None, &platform, &[layer.unwrap()])
                    .unwrap()
            })
            .collect();
        let tag = "3.1".parse().unwrap();
        estate.index(&repository, &tag, &children).unwrap();
        self.images.push("edge/agent:3.1".to_owned());
    }

    fn artifact(&mut self) {
        let chart = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
        let tag = "1.4.2".parse().unwrap();
        ImageBuilder::new(self.store)
            .artifact(&repository("charts/shop"), &tag, chart, b"a chart")
            .unwrap();
        self.images.push("charts/shop:1.4.2".to_owned());
    }

    fn docker(&mut self, weight: u64) {
        let repository = repository("legacy/app");
        let tag: Tag = "9".parse().unwrap();
        put_docker_list(self.store, &repository, &tag, weight * KIB / 2);
        self.images.push(format!("{repository}:{tag}"));
    }

    /// The images as they are named in a registry, or below a prefix there.
    pub fn at(&self, place: &str) -> Vec<String> {
        let images = self.images.iter();
        images.map(|image| format!("{place}/{image}")).collect()
    }

    /// Every blob below the images, by repository.
    pub fn blobs(&self) -> BTreeSet<(String, Digest)> {
        let mut blobs = BTreeSet::new();
        for image in &self.images {
            let (name, tag) = image.split_once(':').unwrap();
            let (repository, tag) = (repository(name), tag.parse().unwrap());
            let mut versions = vec![Version::Tag(tag)];
            while let Some(version) = versions.pop() {
                let manifest = manifest(self.store, &repository, &version);
                let children = manifest.children().iter();
                versions.extend(children.map(|child| Version::Digest(child.digest.clone())));
                blobs.extend(
                    manifest
                        .blobs()
                        .map(|blob| (name.to_owned(), blob.digest.clone())),
                );
            }
        }
        blobs
    }

    /// Every blob below the images, whichever repository it is in.
    pub fn digests(&self) -> BTreeSet<Digest> {
        self.blobs().into_iter().map(|(_, digest)| digest).collect()
    }
}

/// A manifest list of two images, everything in the media types Docker has for it.
pub fn put_docker_list(
    store: &Store,
    repository: &Repository,
    tag: &Tag,
    layer_size: u64,
) -> Descriptor {
    let children: Vec<_> = ["amd64", "s390x"]
        .into_iter()
        .map(|architecture| {
            let config = json!({
                "architecture": architecture, "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": []},
            });
            let config = config.to_string();
            let put = |kind, bytes: &[u8]| store.put_blob(repository, kind, bytes).unwrap();
            let layer = vec![architecture.as_bytes()[0]; usize::try_from(layer_size).unwrap()];
            let manifest = json!({
                "schemaVersion": 2,
                "mediaType": MediaType::DOCKER_MANIFEST,
                "config": put(MediaType::DOCKER_CONFIG, config.as_bytes()),
                "layers": [put(MediaType::DOCKER_LAYER, &layer)],
            });
            let bytes = manifest.to_string();
            let mut child = store
                .put_manifest(
                    repository,
                    None,
                    MediaType::DOCKER_MANIFEST,
                    bytes.as_bytes(),
                )
                .unwrap();
            child.platform = Some(format!("linux/{architecture}").parse().unwrap());
            child
        })
        .collect();
    let list = json!({
        "schemaVersion": 2, "mediaType": MediaType::DOCKER_LIST, "manifests": children,
    });
    let bytes = list.to_string();
    store
        .put_manifest(
            repository,
            Some(tag),
            MediaType::DOCKER_LIST,
            bytes.as_bytes(),
        )
        .unwrap()
}

pub fn manifest(store: &Store, repository: &Repository, version: &Version) -> Manifest {
    let stored = store.manifest(repository, version).unwrap().unwrap();
    Manifest::parse(stored.bytes, Some(stored.media_type.as_str())).unwrap()
}

pub fn repository(name: &str) -> Repository {
    name.parse().unwrap()
}

pub fn amd64() -> Platform {
    "linux/amd64".parse().unwrap()
}

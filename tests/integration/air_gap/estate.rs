//! The registry outside, and the sample lists with its address.

use std::{
    fs,
    path::{Path, PathBuf},
};

use transship::{
    oci::{Descriptor, Version},
    serve::ImageBuilder,
};

use crate::{
    embedded::Embedded,
    operator::{Ended, Operator},
    sample_images::{amd64, repository},
};

/// What `air-gap-out.toml` selects of [`Estate::new`].
pub const SELECTED: [&str; 7] = [
    "platform/ingress:1.4.2",
    "platform/dns:1.0.0",
    "library/nginx:1.27",
    "payments/api:2.0.0",
    "payments/worker:2.0.0",
    "prometheus/prometheus:v2.54.1",
    "charts/platform:3.1.0",
];
const LAYER_BYTES: u64 = 100_000;

pub struct Estate {
    pub source: Embedded,
    pub operator: Operator,
}

impl Estate {
    pub async fn new() -> Self {
        let estate = Self {
            source: Embedded::start().await,
            operator: Operator::new(),
        };
        for (seed, image) in (0..).zip(&SELECTED[..6]) {
            estate.put(image, seed);
        }
        estate.put("platform/ingress:nightly", 90);
        let builder = ImageBuilder::new(estate.source.server.store());
        let chart = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
        for tag in ["2.9.0", "3.1.0"] {
            let tag = tag.parse().unwrap();
            builder
                .artifact(&repository("charts/platform"), &tag, chart, b"a chart")
                .unwrap();
        }
        estate
    }

    /// Puts an image of the layer that the first one has, too, and one of its own.
    pub fn put(&self, image: &str, seed: u64) -> Descriptor {
        let (name, tag) = image.split_once(':').unwrap();
        let name = repository(name);
        let builder = ImageBuilder::new(self.source.server.store());
        let layers = [0, seed + 1000].map(|seed| builder.layer(&name, seed, LAYER_BYTES).unwrap());
        let tag = tag.parse().unwrap();
        builder.image(&name, Some(&tag), &amd64(), &layers).unwrap()
    }

    /// A sample list; `changes` are made in its text.
    pub fn sample(&self, name: &str, changes: &[(&str, &str)]) -> PathBuf {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("sample-lists");
        let mut text = fs::read_to_string(folder.join(name)).unwrap();
        let address = self.source.address();
        let hosts = ["registry.example.com", "quay.io"].map(|host| (host, address.as_str()));
        let hosts = hosts
            .iter()
            .filter(|(host, _)| text.contains(host))
            .copied();
        let changes: Vec<_> = hosts.chain(changes.iter().copied()).collect();
        for (from, to) in changes {
            assert!(text.contains(from), "{name} has no {from}");
            text = text.replace(from, to);
        }
        let path = self.operator.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The program in the operator's directory.
    pub async fn say(&self, words: &[&str]) -> Ended {
        let mut command = self.operator.command(words);
        command.current_dir(self.operator.path(""));
        command.env("REGISTRY_PASSWORD", "secret");
        command.output().await.unwrap().into()
    }

    pub async fn run(&self, list: &Path) -> Ended {
        self.say(&["run", list.to_str().unwrap(), "--headless"])
            .await
    }

    /// How many blobs were read of the source so far.
    pub fn blobs_read(&self) -> usize {
        let requests = self.source.requests();
        let is_read = |kind: &str| kind == "GET blob 200";
        requests
            .iter()
            .filter(|request| is_read(&request.kind()))
            .count()
    }

    /// The digest of an image in a registry.
    pub fn digest(registry: &Embedded, image: &str) -> Option<String> {
        let (name, tag) = image.split_once(':').unwrap();
        let version = Version::Tag(tag.parse().unwrap());
        let manifest = registry
            .server
            .store()
            .manifest(&repository(name), &version);
        Some(manifest.unwrap()?.digest.to_string())
    }
}

//! `transship delete` and `transship tag`: registries, real and embedded, and layouts.

mod docker_registry;
mod layouts;
mod lists;
mod registries;
mod tags;

use serde_json::Value;
use transship::{
    oci::{Descriptor, Repository, Tag, Version},
    serve::ImageBuilder,
};

use crate::{
    embedded::Embedded,
    operator::{Ended, Operator},
    sample_images::{amd64, repository},
};

const NAME: &str = "team/app";

/// A registry with the image `1`, which `latest` names too, and the image `2`.
struct Fixture {
    registry: Embedded,
    operator: Operator,
}

impl Fixture {
    async fn new() -> Self {
        let fixture = Self {
            registry: Embedded::start().await,
            operator: Operator::new(),
        };
        for (tag, seed) in [("1", 1), ("latest", 1), ("2", 2)] {
            fixture.put(tag, seed);
        }
        fixture
    }

    /// Puts an image that depends on `seed`.
    fn put(&self, tag: &str, seed: u64) -> Descriptor {
        let builder = ImageBuilder::new(self.registry.server.store());
        let (name, tag) = (repository(NAME), tag.parse().unwrap());
        let layer = builder.layer(&name, seed, 1000).unwrap();
        builder
            .image(&name, Some(&tag), &amd64(), &[layer])
            .unwrap()
    }

    /// The reference of a tag, or of `@DIGEST`.
    fn image(&self, version: &str) -> String {
        let colon = if version.starts_with('@') { "" } else { ":" };
        format!("{}/{NAME}{colon}{version}", self.registry.address())
    }

    /// Runs a command on some versions of the repository.
    async fn say(&self, command: &str, versions: &[&str], options: &[&str]) -> Ended {
        let images: Vec<String> = versions.iter().map(|version| self.image(version)).collect();
        let images = images.iter().map(String::as_str);
        let arguments: Vec<&str> = [command].into_iter().chain(images).collect();
        self.operator.say(&[&arguments, options].concat()).await
    }

    fn tags(&self) -> Vec<String> {
        self.registry.server.store().tags(&name()).unwrap()
    }

    fn digest(&self, tag: &str) -> String {
        let version = Version::Tag(tag.parse::<Tag>().unwrap());
        let found = self.registry.server.store().manifest(&name(), &version);
        found.unwrap().unwrap().digest.to_string()
    }

    /// The targets of the DELETEs that were answered with success.
    fn deleted(&self) -> Vec<String> {
        let requests = self.registry.requests().into_iter();
        requests
            .filter(|request| request.method == "DELETE" && request.status == Some(202))
            .map(|request| request.target)
            .collect()
    }
}

fn name() -> Repository {
    repository(NAME)
}

/// The objects that were printed.
fn objects(ended: &Ended) -> Vec<Value> {
    let lines = ended.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

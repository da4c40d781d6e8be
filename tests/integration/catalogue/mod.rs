//! `transship repos` and `transship list from`: registries with a catalogue, Harbor and Docker Hub.

mod docker_hub;
mod harbor;
mod registries;
mod times;

use transship::serve::ImageBuilder;

use crate::{
    embedded::Embedded,
    operator::Operator,
    sample_images::{amd64, repository},
};

/// Puts an image that depends on its name, under these tags.
fn put(registry: &Embedded, name: &str, tags: &[&str]) {
    let builder = ImageBuilder::new(registry.server.store());
    let name = repository(name);
    let seed = name.as_str().bytes().map(u64::from).sum();
    let layer = builder.layer(&name, seed, 100).unwrap();
    for tag in tags {
        let tag = tag.parse().unwrap();
        (builder.image(&name, Some(&tag), &amd64(), std::slice::from_ref(&layer))).unwrap();
    }
}

/// A registry with four repositories.
async fn sample() -> Embedded {
    let registry = Embedded::start().await;
    put(&registry, "base/debian", &["11", "12", "12-slim"]);
    put(&registry, "team/api", &["1.9", "1.10", "2.0-rc1", "latest"]);
    put(&registry, "team/web", &["1.0"]);
    put(&registry, "tools", &["latest"]);
    registry
}

/// Writes a list with `list from` and these arguments, and returns its text.
async fn list_from(operator: &Operator, arguments: &[&str]) -> String {
    let file = operator.path("from.toml");
    let output = ["-o", file.to_str().unwrap(), "--force"];
    let from = [&["list", "from"], arguments, &output].concat();
    operator.say(&from).await.expect(0);
    std::fs::read_to_string(file).unwrap()
}

/// The names and tags in a list: `name: tag tag`.
fn entries(text: &str) -> Vec<String> {
    let list: toml::Table = text.parse().unwrap();
    let images = list["images"].as_array().unwrap().iter();
    images
        .map(|image| {
            let text = |value: &toml::Value| value.as_str().unwrap().to_owned();
            let tags = image["tags"].as_array().unwrap().iter().map(text);
            let tags: Vec<String> = tags.collect();
            format!("{}: {}", text(&image["name"]), tags.join(" "))
        })
        .collect()
}

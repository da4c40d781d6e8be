//! `--rollback-file` and `transship rollback`: tags back to what they named before a batch.

mod docker_registry;
mod file;
mod registries;

use serde_json::Value;

use crate::{groups::Release, operator::Ended};

const FILE: &str = "before.toml";

/// A file in the operator's directory.
pub fn file(release: &Release, name: &str) -> String {
    let path = release.fixture.operator.path(name);
    path.to_str().unwrap().to_owned()
}

/// Copies the release with a rollback file.
pub async fn run(release: &Release, options: &[&str]) -> Ended {
    let file = file(release, FILE);
    let options = [&["--rollback-file", &file][..], options].concat();
    release.run(&options).await
}

/// Rolls back, with these options.
pub async fn rollback(release: &Release, options: &[&str]) -> Ended {
    let file = file(release, FILE);
    let arguments = [&["rollback", &file][..], options].concat();
    release.say(&arguments).await
}

/// The results that were printed as JSON, by the order of the tags.
pub fn results(ended: &Ended) -> Vec<String> {
    let lines = ended.stdout.lines();
    let mut objects: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    objects.sort_by_key(|object| object["tag"].as_str().unwrap().to_owned());
    let result = |object: &Value| object["result"].as_str().unwrap().to_owned();
    objects.iter().map(result).collect()
}

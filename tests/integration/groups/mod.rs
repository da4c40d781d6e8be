//! Groups: images whose tags are written together.

mod cutover;
mod kill;
mod lists;

use transship::{
    oci::{Digest, Version},
    serve::ImageBuilder,
};

use crate::{
    fixture::{Fixture, IMAGES},
    operator::Ended,
    sample_images::{amd64, repository},
};

/// Three images of one group. Their destination tags name older images.
pub struct Release {
    pub fixture: Fixture,
    /// What the tags named before.
    pub old: Vec<Option<Digest>>,
}

impl Release {
    /// `defaults` are further keys of `[defaults]`.
    pub async fn new(defaults: &str) -> Self {
        let fixture = Fixture::new().await;
        let path = fixture.list();
        let list = std::fs::read_to_string(&path).unwrap();
        let list = format!("{list}\n[defaults]\ngroup = \"release-42\"\n{defaults}\n");
        std::fs::write(path, list).unwrap();
        for name in IMAGES {
            put_other(&fixture, name, 77);
        }
        let old = tags(&fixture);
        Self { fixture, old }
    }

    pub async fn run(&self, options: &[&str]) -> Ended {
        let list = self.fixture.operator.path("list.toml");
        let run = ["run", list.to_str().unwrap()];
        self.fixture
            .operator
            .say(&[&run[..], options].concat())
            .await
    }

    pub async fn say(&self, arguments: &[&str]) -> Ended {
        self.fixture.operator.say(arguments).await
    }

    /// What the tags are to name.
    pub fn new_digests(&self) -> Vec<Option<Digest>> {
        let store = self.fixture.source.server.store();
        let digest = |name| store.manifest(&repository(name), &tag()).unwrap();
        let found = IMAGES.map(|name| digest(name).map(|manifest| manifest.digest));
        found.into()
    }

    /// The requests to one repository of the destination: `PUT manifest 201`.
    pub fn kinds(&self, name: &str) -> Vec<String> {
        let part = format!("/{name}/");
        let requests = self.fixture.destination.requests().into_iter();
        requests
            .filter(|request| request.target.contains(&part))
            .map(|request| request.kind())
            .collect()
    }
}

fn tag() -> Version {
    Version::Tag("1".parse().unwrap())
}

/// What the tags of the destination name.
pub fn tags(fixture: &Fixture) -> Vec<Option<Digest>> {
    let store = fixture.destination.server.store();
    let digest = |name| store.manifest(&repository(name), &tag()).unwrap();
    let found = IMAGES.map(|name| digest(name).map(|manifest| manifest.digest));
    found.into()
}

/// Puts an image that depends on `seed` under the tag of `name` at the destination.
pub fn put_other(fixture: &Fixture, name: &str, seed: u64) {
    let builder = ImageBuilder::new(fixture.destination.server.store());
    let name = repository(name);
    let layer = builder.layer(&name, seed, 1000).unwrap();
    let tag = "1".parse().unwrap();
    builder
        .image(&name, Some(&tag), &amd64(), &[layer])
        .unwrap();
}

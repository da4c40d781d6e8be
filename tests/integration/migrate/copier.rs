//! The engine of one batch, two registries, and their access logs.

use std::sync::Mutex;

use transship::batch::{Job, JobId};
use transship::{
    copy::{CopyError, CopyOutcome, Engine, Report},
    oci::{Attachments, CopySpec, Descriptor, Manifest, Reference, Tag, Version},
    serve::{ImageBuilder, Store},
};

use crate::{
    embedded::Embedded,
    requests::Request,
    sample_images::{amd64, manifest, repository},
};

pub struct Copier {
    pub source: Embedded,
    pub destination: Embedded,
    pub engine: Engine,
}

impl Copier {
    pub async fn new() -> Self {
        Self {
            source: Embedded::start().await,
            destination: Embedded::start().await,
            engine: Engine::new(Default::default()),
        }
    }

    pub fn origin(&self) -> &Store {
        self.source.server.store()
    }

    pub fn home(&self) -> &Store {
        self.destination.server.store()
    }

    /// Puts an image of these layers into a repository of the source, as tag 1.
    pub fn put_image(&self, name: &str, seeds: &[u64]) -> Vec<Descriptor> {
        let estate = ImageBuilder::new(self.origin());
        let repository = repository(name);
        let layer = |seed: &u64| estate.layer(&repository, *seed, 10_000 + seed).unwrap();
        let layers: Vec<_> = seeds.iter().map(layer).collect();
        estate
            .image(&repository, Some(&one()), &amd64(), &layers)
            .unwrap();
        layers
    }

    /// A job without attachments, which have tests of their own.
    pub fn order(&self, source: &str, destination: &str) -> Job {
        let at = |server: &Embedded, name: &str| -> Reference {
            format!("{}/{name}", server.address()).parse().unwrap()
        };
        Job {
            id: JobId(0),
            spec: CopySpec {
                attachments: Attachments::NONE,
                ..CopySpec::new(
                    at(&self.source, source).into(),
                    at(&self.destination, destination).into(),
                )
            },
        }
    }

    pub async fn copy(&self, source: &str, destination: &str) -> CopyOutcome {
        let order = self.order(source, destination);
        self.engine.copy(&order, &|_| ()).await.unwrap()
    }

    /// Copies some children of an index; returns the reports as well.
    pub async fn copy_platforms(
        &self,
        source: &str,
        destination: &str,
        platforms: &[&str],
    ) -> Result<(CopyOutcome, Vec<String>), CopyError> {
        let platforms = platforms.iter().map(|platform| platform.parse().unwrap());
        let mut order = self.order(source, destination);
        order.spec.platforms = platforms.collect();
        let notes = Mutex::new(Vec::new());
        let report = |report| {
            if let Report::Noted(text) = report {
                notes.lock().unwrap().push(text);
            }
        };
        let done = self.engine.copy(&order, &report).await?;
        Ok((done, notes.into_inner().unwrap()))
    }

    /// The requests to the destination, counted by kind.
    pub fn asked_of_destination(&self) -> Vec<(usize, String)> {
        counted(&self.destination.requests())
    }

    pub fn asked_of_source(&self) -> Vec<(usize, String)> {
        counted(&self.source.requests())
    }

    pub fn forget_requests(&self) {
        for side in [&self.source, &self.destination] {
            side.server.access_log().clear();
        }
    }
}

/// Requests by method, object and status, without those to `/v2/`.
fn counted(requests: &[Request]) -> Vec<(usize, String)> {
    let mut kinds: Vec<(usize, String)> = Vec::new();
    for request in requests.iter().filter(|request| request.target != "/v2/") {
        let kind = request.kind();
        match kinds.iter_mut().find(|(_, found)| *found == kind) {
            Some((count, _)) => *count += 1,
            None => kinds.push((1, kind)),
        }
    }
    kinds.sort_by(|(_, one), (_, other)| one.cmp(other));
    kinds
}

pub fn one() -> Tag {
    "1".parse().unwrap()
}

/// The manifest that tag 1 of a repository names.
pub fn tagged(store: &Store, name: &str) -> Manifest {
    manifest(store, &repository(name), &Version::Tag(one()))
}

//! A small migration: three images, two registries, one operator.

use std::path::PathBuf;

use reqwest::Method;
use transship::serve::{Action, ActiveFault, Fault, ImageBuilder};

use crate::{
    embedded::Embedded,
    operator::{Operator, list},
    sample_images::{amd64, repository},
};

/// Their repositories; the tag is 1.
pub const IMAGES: [&str; 3] = ["team/first", "team/second", "team/third"];

/// The source holds an image of one layer in each of three repositories.
pub struct Fixture {
    pub source: Embedded,
    pub destination: Embedded,
    pub operator: Operator,
}

impl Fixture {
    pub async fn new() -> Self {
        let source = Embedded::start().await;
        let estate = ImageBuilder::new(source.server.store());
        for (seed, name) in (0..).zip(IMAGES) {
            let repository = repository(name);
            let layer = estate.layer(&repository, seed, 50_000).unwrap();
            let tag = "1".parse().unwrap();
            estate
                .image(&repository, Some(&tag), &amd64(), &[layer])
                .unwrap();
        }
        Self {
            source,
            destination: Embedded::start().await,
            operator: Operator::new(),
        }
    }

    /// Adds a fault for every read of a blob in this repository of the source.
    pub fn misbehave(&self, repository: &str, action: Action) -> ActiveFault {
        let target = format!("/{repository}/blobs/");
        let fault = Fault::on(Method::GET, &target, action).unwrap();
        self.source.server.faults().add(fault)
    }

    /// Writes the list of the three.
    pub fn list(&self) -> PathBuf {
        let images = IMAGES.map(|name| format!("{name}:1"));
        let (source, destination) = (self.source.address(), self.destination.address());
        self.operator.list(&list(&source, &destination, &images))
    }

    /// What is in the operator's directory.
    pub fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.operator.path(".")).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    /// The repositories whose tag was written at the destination.
    pub fn arrived(&self) -> Vec<&str> {
        let requests = self.destination.requests();
        let was_given = |name: &&str| {
            let target = format!("/v2/{name}/manifests/1");
            let mut requests = requests.iter();
            requests.any(|request| {
                request.method == "PUT" && request.target == target && request.status == Some(201)
            })
        };
        IMAGES.into_iter().filter(was_given).collect()
    }
}

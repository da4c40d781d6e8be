//! Whole images, copied by the engine from one embedded registry to another.

mod attachments;
mod budget;
mod contents;
mod destinations;
mod existing;
mod lengths;
mod preflight;
mod referrer_circles;
mod refusals;
mod same_registry;
mod signatures;

use std::sync::Mutex;

use serde_json::{Value, json};
use transship::batch::{Job, JobId};
use transship::{
    copy::{CopyError, CopyOutcome, Engine, Report},
    oci::{
        Attachments, CopySpec, Descriptor, Digest, MediaType, Reference, Repository, Tag, Version,
    },
    serve::{Action, ActiveFault, Fault, ImageBuilder, Store},
    verify::{Depth, Findings, Verifier, VerifyError},
};

use crate::{embedded::Embedded, requests::Request};

/// Two registries, and an engine that copies between them.
struct Pair {
    source: Embedded,
    destination: Embedded,
    engine: Engine,
}

/// The outcome of a copy, and its notes.
#[derive(Debug)]
struct Copied {
    done: CopyOutcome,
    notes: Vec<String>,
}

impl Pair {
    async fn new() -> Self {
        Self {
            source: Embedded::start().await,
            destination: Embedded::start().await,
            engine: Engine::new(Default::default()),
        }
    }

    /// The job to copy `image` under the same name.
    fn order(&self, image: &str) -> Job {
        order(&self.source, &self.destination, image)
    }

    async fn copy(&self, image: &str) -> Result<Copied, CopyError> {
        self.carry_out(&self.order(image)).await
    }

    async fn carry_out(&self, order: &Job) -> Result<Copied, CopyError> {
        let notes = Mutex::new(Vec::new());
        let report = |report| {
            if let Report::Noted(text) = report {
                notes.lock().unwrap().push(text);
            }
        };
        let done = self.engine.copy(order, &report).await?;
        let notes = notes.into_inner().unwrap();
        Ok(Copied { done, notes })
    }

    /// What `verify --deep` finds.
    async fn verify(&self, image: &str) -> Result<Findings, VerifyError> {
        self.compare(self.order(image)).await
    }

    async fn compare(&self, order: Job) -> Result<Findings, VerifyError> {
        let image = CopySpec {
            platforms: Vec::new(),
            ..order.spec
        };
        let verifier = Verifier::new(Depth::Content);
        verifier.verify(self.engine.stores(), &image).await
    }

    /// A later batch, which knows nothing of the first.
    fn forget(self) -> Self {
        Self {
            engine: Engine::new(Default::default()),
            ..self
        }
    }

    /// Clears the access logs of both sides.
    fn clear_logs(&self) {
        self.source.server.access_log().clear();
        self.destination.server.access_log().clear();
    }
}

impl Copied {
    #[track_caller]
    fn noted(&self, text: &str) {
        assert!(
            self.notes.iter().any(|note| note.contains(text)),
            "{:?}",
            self.notes
        );
    }
}

fn order(source: &Embedded, destination: &Embedded, image: &str) -> Job {
    let at = |server: &Embedded| -> Reference {
        format!("{}/{image}", server.address()).parse().unwrap()
    };
    Job {
        id: JobId(0),
        spec: CopySpec::new(at(source).into(), at(destination).into()),
    }
}

fn repository(name: &str) -> Repository {
    name.parse().unwrap()
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

/// An image with one layer, tagged.
fn put_image(store: &Store, name: &str, version: &str, seed: u64) -> Descriptor {
    let estate = ImageBuilder::new(store);
    let repository = repository(name);
    let layer = estate.layer(&repository, seed, 1000).unwrap();
    let platform = "linux/amd64".parse().unwrap();
    estate
        .image(&repository, Some(&tag(version)), &platform, &[layer])
        .unwrap()
}

/// A tagged index of images for these platforms; returns the index, then its children.
fn put_index(store: &Store, name: &str, version: &str, platforms: &[&str]) -> Vec<Descriptor> {
    let estate = ImageBuilder::new(store);
    let repository = repository(name);
    let mut all = Vec::new();
    for (seed, platform) in (10..).zip(platforms) {
        let layer = estate.layer(&repository, seed, 1000).unwrap();
        let platform = platform.parse().unwrap();
        all.push(
            estate
                .image(&repository, None, &platform, &[layer])
                .unwrap(),
        );
    }
    let index = estate.index(&repository, &tag(version), &all).unwrap();
    all.insert(0, index);
    all
}

/// An artifact with one blob that refers to `subject`, under `version` if one is given.
fn put_attached(
    store: &Store,
    name: &str,
    subject: Option<&Descriptor>,
    kind: &str,
    version: Option<&Tag>,
) -> Descriptor {
    let repository = repository(name);
    let empty = store.put_blob(&repository, MediaType::OCI_EMPTY, &b"{}"[..]);
    let content = format!("{kind} of {:?}", subject.map(|subject| &subject.digest));
    let blob = store.put_blob(&repository, kind, content.as_bytes());
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "artifactType": kind,
        "config": empty.unwrap(),
        "layers": [blob.unwrap()],
        "annotations": {"kind": kind},
    });
    if let Some(subject) = subject {
        manifest["subject"] = json!({
            "mediaType": subject.media_type, "digest": subject.digest, "size": subject.size
        });
    }
    put_manifest(store, name, version, &manifest)
}

/// Stores a manifest under its own media type.
fn put_manifest(store: &Store, name: &str, version: Option<&Tag>, manifest: &Value) -> Descriptor {
    let media_type = manifest["mediaType"].as_str().unwrap();
    let bytes = manifest.to_string();
    store
        .put_manifest(&repository(name), version, media_type, bytes.as_bytes())
        .unwrap()
}

#[track_caller]
fn stored(store: &Store, name: &str, version: &str) -> Digest {
    let found = store.manifest(&repository(name), &Version::Tag(tag(version)));
    found.unwrap().expect("the tag is there").digest
}

fn referrers(store: &Store, name: &str, subject: &Descriptor) -> Vec<Digest> {
    let referrers = store.referrers(&repository(name), &subject.digest);
    let mut digests: Vec<_> = referrers
        .unwrap()
        .into_iter()
        .map(|one| one.digest)
        .collect();
    digests.sort();
    digests
}

/// The digests in the index under the fallback tag of `subject`.
fn fallback(store: &Store, name: &str, subject: &Digest) -> Vec<Digest> {
    let version = Version::Tag(Attachments::fallback_tag(subject).unwrap());
    let Some(index) = store.manifest(&repository(name), &version).unwrap() else {
        return Vec::new();
    };
    let index: Value = serde_json::from_slice(&index.bytes).unwrap();
    let mut digests: Vec<Digest> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["digest"].as_str().unwrap().parse().unwrap())
        .collect();
    digests.sort();
    digests
}

fn fault(server: &Embedded, method: &str, target: &str, action: Action) -> ActiveFault {
    let method = method.parse().unwrap();
    let fault = Fault::on(method, target, action).unwrap();
    server.server.faults().add(fault)
}

/// A refusal with an error code and a message.
fn refusing(status: u16, code: &str, message: &str) -> Action {
    let body = json!({"errors": [{"code": code, "message": message}]});
    Action::answer(status).body(&body.to_string())
}

fn count(requests: &[Request], method: &str, part: &str) -> usize {
    requests
        .iter()
        .filter(|request| request.method == method && request.target.contains(part))
        .count()
}

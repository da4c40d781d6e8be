//! A registry in memory: answers the requests of the browser in tests.

use std::collections::HashMap;

use bytes::Bytes;
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, layout::Size};
use serde_json::{Value, json};

use super::{Browser, Start};
use crate::{
    inspect::{
        Answer, Collection, Config, ContentStore, Error, ErrorKind, ListedImage, Listing,
        Referrers, ReferrersSource, Request,
    },
    oci::{Descriptor, Digest, Location, Manifest, MediaType},
    tui::{
        bindings::event,
        fixtures::options,
        model::{Effect, Model, Msg},
        update::update,
        view::view,
    },
};

pub const REGISTRY: &str = "registry.example:5000";

/// Answers by request; any other request is answered with 404.
#[derive(Default)]
pub struct Content {
    answers: HashMap<Request, Result<Answer, Error>>,
}

/// An image in a store of this machine, or in the registry.
pub fn image(name: &str) -> Location {
    match name.parse() {
        Ok(local @ Location::Local(_)) => local,
        _ => format!("{REGISTRY}/{name}").parse().unwrap(),
    }
}

pub fn repository(name: &str) -> Collection {
    Collection::of(&image(name))
}

pub fn content_of(repository: &str) -> ContentStore {
    ContentStore::of(&image(repository))
}

pub fn failure(message: &str, kind: ErrorKind) -> Error {
    Error {
        store: REGISTRY.parse().unwrap(),
        operation: "read the manifest".into(),
        message: message.into(),
        kind,
        hint: None,
    }
}

impl Content {
    /// Some repositories, and in `team/api` an index of two platforms and an attestation under `1.10`.
    pub fn new() -> Self {
        let mut content = Self::default();
        content.repositories(&["base/debian", "team/api", "team/worker", "web"]);
        content.tags("team/api", &["1.9", "1.10", "latest"]);
        let children: Vec<Value> = [("linux/amd64", "amd64"), ("linux/arm64/v8", "arm64")]
            .iter()
            .map(|(platform, architecture)| {
                let config = json!({
                    "created": "2026-03-01T12:00:00Z", "author": "the api team",
                    "os": "linux", "architecture": architecture,
                    "config": {
                        "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"],
                        "Entrypoint": ["/api"], "Cmd": ["serve", "--port", "8080"],
                        "ExposedPorts": {"8080/tcp": {}}, "User": "1000",
                        "Labels": {"org.opencontainers.image.title": "api"}
                    },
                    "history": [
                        {"created_by": "ADD rootfs.tar /"},
                        {"created_by": "/bin/sh -c #(nop)  ENV LANG=C.UTF-8", "empty_layer": true},
                        {"created_by": "COPY api /api # buildkit"}
                    ]
                });
                let layers = [30_000_000, 4_200_000];
                let mut child = json!(content.image("team/api", &config, &layers));
                let mut parts = platform.split('/');
                child["platform"] = json!({"os": parts.next(), "architecture": parts.next()});
                if let Some(variant) = parts.next() {
                    child["platform"]["variant"] = json!(variant);
                }
                child
            })
            .collect();
        let mut attestation = json!(content.image("team/api", &json!({}), &[900]));
        attestation["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        attestation["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
        let manifests: Vec<Value> = children.into_iter().chain([attestation]).collect();
        content.index("team/api:1.10", &json!(manifests));
        content
    }

    pub fn repositories(&mut self, names: &[&str]) {
        let names: Vec<String> = names.iter().map(|name| (*name).into()).collect();
        let request = Request::Repositories(REGISTRY.parse().unwrap());
        let answer = Answer::Repositories(Listing::of(&names, |name| name.parse().ok()).into());
        self.answers.insert(request, Ok(answer));
    }

    pub fn tags(&mut self, name: &str, tags: &[&str]) {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).into()).collect();
        let collection = repository(name);
        let listed = |tag: &str| match &collection {
            Collection::Repository(repository) => {
                Some(ListedImage::tagged(repository, tag.parse().ok()?))
            }
            Collection::Local(store) => Some(ListedImage(image(&format!("{store}:{tag}")))),
        };
        let answer = Answer::Images(Listing::of(&tags, listed).into());
        self.answers.insert(Request::Images(collection), Ok(answer));
    }

    /// An image by digest, with layers of these sizes.
    pub fn image(&mut self, repository: &str, config: &Value, layers: &[u64]) -> Descriptor {
        let raw = Bytes::from(config.to_string());
        let media_type = MediaType::new(MediaType::OCI_CONFIG);
        let digest = Digest::of(&raw);
        let described = json!({"mediaType": media_type, "digest": digest, "size": raw.len()});
        let request = Request::Config(content_of(repository), digest, media_type.clone());
        let config = Config::read(raw, media_type);
        self.answers
            .insert(request, Ok(Answer::Config(config.into())));
        let layers: Vec<Value> = (layers.iter())
            .map(|size| {
                let digest = Digest::of(&size.to_le_bytes());
                json!({"mediaType": MediaType::OCI_LAYER_GZIP, "digest": digest, "size": size})
            })
            .collect();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
            "config": described, "layers": layers
        });
        let digest = Digest::of(manifest.to_string().as_bytes());
        let content = content_of(repository);
        self.manifest(
            &content,
            Request::Manifest(content.clone(), digest),
            &manifest,
        )
    }

    /// The same manifest under a tag.
    pub fn tag(&mut self, name: &str, digest: &Digest) {
        let image = image(name);
        let request = Request::Manifest(ContentStore::of(&image), digest.clone());
        let manifest = self.answers[&request].clone();
        self.answers.insert(Request::manifest_of(&image), manifest);
    }

    pub fn index(&mut self, name: &str, manifests: &Value) -> Descriptor {
        let index = json!({
            "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": manifests
        });
        let image = image(name);
        self.manifest(
            &ContentStore::of(&image),
            Request::manifest_of(&image),
            &index,
        )
    }

    pub fn referrers(&mut self, repository: &str, of: &Digest, entries: Vec<Descriptor>) {
        self.refer(content_of(repository), of, entries, ReferrersSource::Api);
    }

    fn refer(
        &mut self,
        content: ContentStore,
        of: &Digest,
        entries: Vec<Descriptor>,
        source: ReferrersSource,
    ) {
        let answer = Answer::Referrers(Referrers { entries, source }.into());
        let request = Request::Referrers(content, of.clone());
        self.answers.insert(request, Ok(answer));
    }

    /// The digest of what is under a name.
    pub fn manifest_digest(&self, name: &str) -> Digest {
        match &self.answers[&Request::manifest_of(&image(name))] {
            Ok(Answer::Manifest(manifest)) => manifest.digest.clone(),
            answer => panic!("{name} is no manifest: {answer:?}"),
        }
    }

    pub fn fail(&mut self, request: Request, error: Error) {
        self.answers.insert(request, Err(error));
    }

    fn manifest(
        &mut self,
        content: &ContentStore,
        request: Request,
        manifest: &Value,
    ) -> Descriptor {
        let manifest = Manifest::parse(manifest.to_string().into(), None).unwrap();
        let descriptor = json!({
            "mediaType": manifest.media_type, "digest": manifest.digest, "size": manifest.raw.len()
        });
        let source = match content {
            ContentStore::Repository(_) => ReferrersSource::Api,
            ContentStore::Local(_) => ReferrersSource::Store,
        };
        self.refer(content.clone(), &manifest.digest, Vec::new(), source);
        self.answers
            .insert(request, Ok(Answer::Manifest(manifest.into())));
        serde_json::from_value(descriptor).unwrap()
    }

    fn answer(&self, request: &Request) -> Result<Answer, Error> {
        let missing = || Err(failure("said 404 (MANIFEST_UNKNOWN)", ErrorKind::NotFound));
        self.answers.get(request).cloned().unwrap_or_else(missing)
    }
}

/// The browser alone, and the effects it asked for.
pub struct Browsing {
    pub model: Model,
    /// Loads without an answer.
    pub loads: Vec<Effect>,
    /// All other effects.
    pub effects: Vec<Effect>,
}

impl Browsing {
    /// Nothing is answered yet.
    pub fn new(start: Start) -> Self {
        let mut browsing = Self {
            model: Model::browsing(options(), start),
            loads: Vec::new(),
            effects: Vec::new(),
        };
        browsing.resize(120, 40);
        browsing
    }

    pub fn browser(&self) -> &Browser {
        self.model.browser.as_ref().unwrap()
    }

    pub fn resize(&mut self, width: u16, height: u16) {
        self.update(Msg::Resized(Size { width, height }));
    }

    pub fn update(&mut self, message: Msg) {
        for effect in update(&mut self.model, message) {
            match effect {
                Effect::Load(..) => self.loads.push(effect),
                _ => self.effects.push(effect),
            }
        }
    }

    /// Answers all loads, and those that follow.
    pub fn answer(&mut self, content: &Content) {
        while let Some(effect) = self.loads.pop() {
            if let Effect::Load(ticket, request) = effect {
                let answer = content.answer(&request);
                self.update(Msg::Loaded(ticket, Box::new(answer)));
            }
        }
    }

    /// Presses keys, written as in the key table and separated by spaces.
    pub fn press(&mut self, keys: &str) {
        for key in keys.split(' ') {
            self.update(Msg::Key(event(key).unwrap()));
        }
    }

    pub fn press_and_read(&mut self, keys: &str, content: &Content) {
        for key in keys.split(' ') {
            self.press(key);
            self.answer(content);
        }
    }

    pub fn requests(&self) -> Vec<&Request> {
        let request = |effect: &'_ Effect| matches!(effect, Effect::Load(..));
        (self.loads.iter())
            .filter(|effect| request(effect))
            .filter_map(|effect| match effect {
                Effect::Load(_, request) => Some(request),
                _ => None,
            })
            .collect()
    }

    pub fn picture(&self) -> Buffer {
        let size = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(size.width, size.height)).unwrap();
        terminal.draw(|frame| view(&self.model, frame)).unwrap();
        terminal.backend().buffer().clone()
    }

    pub fn text(&self) -> String {
        crate::tui::picture::text(&self.picture())
    }
}

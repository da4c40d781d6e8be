//! Inspecting images: what is read, and the errors of parts that cannot be read.

mod commands;
mod local;
mod skopeo_document;

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;
use transship::{
    inspect::{
        Answer, Collection, Comparison, ComparisonResult, ContentStore, ErrorKind, Inspector,
        ListedImage, ReferrersSource, Request, Scope,
    },
    oci::{Descriptor, Location, MediaType, Platform, Registry, Repository, Tag},
    serve::{AccessLog, Action, Fault, ImageBuilder, Options, Server, Store},
    transport::{LocalSettings, Stores},
};

struct Registries {
    server: Server,
    inspector: Inspector,
    log: AccessLog,
    _directory: TempDir,
}

const REPOSITORY: &str = "team/api";

impl Registries {
    async fn new() -> Self {
        let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let directory = tempfile::tempdir().unwrap();
        let log = AccessLog::default();
        let mut options = Options::new(directory.path().join("registry"));
        options.access_log = Some(log.clone());
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), options)
            .await
            .unwrap();
        let stores = Stores::new(Default::default(), LocalSettings::default());
        Self {
            server,
            inspector: Inspector::new(stores.into()),
            log,
            _directory: directory,
        }
    }

    fn store(&self) -> &Store {
        self.server.store()
    }

    fn image(&self, version: &str) -> Location {
        let text = format!("{}/{REPOSITORY}{version}", self.server.address());
        text.parse().unwrap()
    }

    /// Two platforms that share a layer, under the tag `1`.
    fn put_index(&self) -> Descriptor {
        let estate = ImageBuilder::new(self.store());
        let base = estate.layer(&repository(), 1, 2_000).unwrap();
        let images = [("linux/amd64", 2), ("linux/arm64/v8", 3)].map(|(platform, seed)| {
            let own = estate.layer(&repository(), seed, 1_000).unwrap();
            let platform: Platform = platform.parse().unwrap();
            let layers = [base.clone(), own];
            estate
                .image(&repository(), None, &platform, &layers)
                .unwrap()
        });
        estate.index(&repository(), &tag("1"), &images).unwrap()
    }

    /// A signature of `subject`.
    fn put_referrer(&self, subject: &Descriptor) -> Descriptor {
        let store = self.store();
        let config = store
            .put_blob(&repository(), MediaType::OCI_EMPTY, b"{}".as_slice())
            .unwrap();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
            "artifactType": "application/vnd.example.signature", "config": config,
            "layers": [], "subject": subject
        });
        let bytes = manifest.to_string();
        store
            .put_manifest(
                &repository(),
                None,
                MediaType::OCI_MANIFEST,
                bytes.as_bytes(),
            )
            .unwrap()
    }

    fn registry(&self) -> Registry {
        self.server.address().to_string().parse().unwrap()
    }

    fn content(&self) -> ContentStore {
        ContentStore::of(&self.image(":1"))
    }

    fn fault(&self, target: &str, action: Action) {
        let fault = Fault::on(Method::GET, target, action).unwrap();
        self.server.faults().add(fault);
    }
}

fn repository() -> Repository {
    REPOSITORY.parse().unwrap()
}

fn tag(name: &str) -> Tag {
    name.parse().unwrap()
}

#[tokio::test]
async fn an_index_is_read_down_to_layers_history_and_referrers() {
    let registries = Registries::new().await;
    let index = registries.put_index();
    let signature = registries.put_referrer(&index);
    let image = registries.image(":1");
    let inspection = registries.inspector.inspect(&image, &Scope::All).await;
    let inspection = inspection.unwrap();
    assert_eq!(inspection.digest, index.digest);
    assert_eq!(inspection.images.len(), 2);
    let arm64 = inspection
        .select(Some(&"linux/arm64".parse().unwrap()))
        .unwrap();
    let config = arm64.config.as_ref().unwrap();
    assert_eq!(config.entrypoint, ["/api"]);
    assert_eq!(arm64.layers.len(), 2);
    assert_eq!(arm64.history[1].layer, Some(1));
    assert_eq!(arm64.history[1].created_by.as_deref(), Some("RUN step 2"));
    assert!(arm64.size.unwrap() > 3_000);
    assert_eq!(inspection.referrers.len(), 1);
    assert_eq!(inspection.referrers[0].digest, signature.digest);
    assert!(inspection.errors.is_empty());
}

#[tokio::test]
async fn only_the_platform_asked_for_is_read() {
    let registries = Registries::new().await;
    registries.put_index();
    let scope = Scope::Platform("linux/amd64".parse().unwrap());
    let inspection = registries
        .inspector
        .inspect(&registries.image(":1"), &scope)
        .await;
    assert_eq!(inspection.unwrap().images.len(), 1);
    let manifests = (registries.log.entries().iter())
        .filter(|entry| entry.target.contains("/manifests/"))
        .count();
    assert_eq!(manifests, 2, "the index and one image");
}

#[tokio::test]
async fn a_registry_without_the_referrers_api_is_asked_for_the_fallback_tag() {
    let registries = Registries::new().await;
    let index = registries.put_index();
    registries.fault("/referrers/", Action::answer(404));
    let request = Request::Referrers(registries.content(), index.digest.clone());
    let ask = || async {
        match registries.inspector.answer(&request).await.unwrap() {
            Answer::Referrers(referrers) => referrers,
            other => panic!("{other:?}"),
        }
    };
    let none = ask().await;
    assert!(none.entries.is_empty());
    let signature = registries.put_referrer(&index);
    let fallback = tag(&format!("sha256-{}", index.digest.hex()));
    let estate = ImageBuilder::new(registries.store());
    estate
        .index(&repository(), &fallback, std::slice::from_ref(&signature))
        .unwrap();
    let found = ask().await;
    assert_eq!(found.source, ReferrersSource::FallbackTag);
    assert_eq!(found.entries[0].digest, signature.digest);
}

#[tokio::test]
async fn a_part_that_cannot_be_read_says_why_and_the_others_are_there() {
    let registries = Registries::new().await;
    registries.put_index();
    registries.fault("/blobs/", Action::answer(401));
    registries.fault("/referrers/", Action::answer(401));
    let inspection = registries
        .inspector
        .inspect(&registries.image(":1"), &Scope::All)
        .await;
    let inspection = inspection.unwrap();
    assert_eq!(inspection.errors[0].kind, ErrorKind::Auth);
    for image in &inspection.images {
        assert_eq!(image.config, None);
        assert_eq!(image.layers.len(), 2);
        assert_eq!(image.errors[0].kind, ErrorKind::Auth);
        assert!(
            image.errors[0].message.contains("401"),
            "{}",
            image.errors[0]
        );
    }
}

#[tokio::test]
async fn a_config_that_is_not_what_its_digest_says_is_not_believed() {
    let registries = Registries::new().await;
    let stored = registries
        .store()
        .put_blob(&repository(), MediaType::OCI_CONFIG, b"{}".as_slice())
        .unwrap();
    let file = format!(
        "repositories/{REPOSITORY}/_blobs/sha256/{}",
        stored.digest.hex()
    );
    std::fs::write(registries.store().directory().join(file), "[]").unwrap();
    let request = Request::Config(registries.content(), stored.digest, stored.media_type);
    let error = registries.inspector.answer(&request).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Corrupt);
}

#[tokio::test]
async fn repositories_and_tags_are_listed() {
    let registries = Registries::new().await;
    registries.put_index();
    let registry = registries.registry();
    match registries
        .inspector
        .answer(&Request::Repositories(registry))
        .await
        .unwrap()
    {
        Answer::Repositories(listing) => assert_eq!(listing.entries, [repository()]),
        other => panic!("{other:?}"),
    }
    match registries
        .inspector
        .answer(&Request::Images(Collection::of(&registries.image(":1"))))
        .await
        .unwrap()
    {
        Answer::Images(listing) => {
            assert_eq!(listing.entries, [ListedImage(registries.image(":1"))]);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_registry_that_hides_its_catalog_says_what_to_do_instead() {
    let registries = Registries::new().await;
    registries.fault("/_catalog", Action::answer(404));
    let request = Request::Repositories(registries.registry());
    let error = registries.inspector.answer(&request).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoCatalog);
}

#[tokio::test]
async fn an_image_and_its_partial_copy_are_told_apart() {
    let registries = Registries::new().await;
    registries.put_index();
    let scope = Scope::Platform("linux/amd64".parse().unwrap());
    let whole = registries
        .inspector
        .inspect(&registries.image(":1"), &Scope::All)
        .await
        .unwrap();
    let part = registries
        .inspector
        .inspect(&registries.image(":1"), &scope)
        .await
        .unwrap();
    let digest = &part.images[0].digest;
    let copy = registries.image(&format!("@{digest}"));
    let copy = registries
        .inspector
        .inspect(&copy, &Scope::All)
        .await
        .unwrap();
    let comparison = Comparison::of(&whole, &copy);
    assert!(!comparison.identical);
    assert_eq!(comparison.sections[1].title, "Platforms");
    let lines: Vec<_> = comparison.sections[1]
        .lines
        .iter()
        .map(|line| line.verdict())
        .collect();
    assert_eq!(
        lines,
        [ComparisonResult::Same, ComparisonResult::OnlySource]
    );
}

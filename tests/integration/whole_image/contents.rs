//! Every kind of layer, config, child and artifact that a manifest may have.

use serde_json::{Value, json};
use transship::{
    copy::CopyOutcome,
    oci::{Descriptor, Digest, MediaType, Tag, Version},
    registry::FailureClass,
    serve::{Action, Fault, Store},
};

use super::{
    Pair, count, fault, put_attached, put_image, put_index, put_manifest, repository, stored, tag,
};

const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
const CACHE: &str = "application/vnd.buildkit.cacheconfig.v0";

fn blob(store: &Store, media_type: &str, content: &str) -> Descriptor {
    store
        .put_blob(&repository("app"), media_type, content.as_bytes())
        .unwrap()
}

fn image(store: &Store, version: Option<&Tag>, config: &Descriptor, layers: Value) -> Descriptor {
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST, "config": config, "layers": layers,
    });
    put_manifest(store, "app", version, &manifest)
}

fn index(store: &Store, version: &str, manifests: &[Value]) -> Descriptor {
    let index =
        json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": manifests});
    put_manifest(store, "app", Some(&tag(version)), &index)
}

#[tokio::test]
async fn an_image_with_every_kind_of_layer_arrives_as_it_is() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let config = blob(store, MediaType::OCI_CONFIG, "{\"os\":\"linux\"}");
    let foreign = json!({
        "mediaType": FOREIGN, "digest": Digest::of(b"far away"), "size": 8,
        "urls": ["https://elsewhere.example/layer"],
    });
    let layers = json!([
        blob(store, ZSTD, "zstd"),
        blob(store, MediaType::DOCKER_LAYER, "docker"),
        foreign,
    ]);
    let there = image(store, Some(&tag("1")), &config, layers);
    let copied = pair.copy("app:1").await.unwrap();
    copied.noted("it stays at https://elsewhere.example/layer");
    let destination = pair.destination.server.store();
    assert_eq!(stored(destination, "app", "1"), there.digest);
    let far = count(
        &pair.source.requests(),
        "GET",
        &Digest::of(b"far away").to_string(),
    );
    assert_eq!(far, 0);
}

#[tokio::test]
async fn an_artifact_with_an_empty_config_and_no_layers_is_an_image_too() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let empty = blob(store, MediaType::OCI_EMPTY, "{}");
    let artifact = put_manifest(
        store,
        "app",
        Some(&tag("1")),
        &json!({
            "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
            "artifactType": "application/vnd.example", "config": empty, "layers": null,
        }),
    );
    pair.copy("app:1").await.unwrap();
    assert_eq!(
        stored(pair.destination.server.store(), "app", "1"),
        artifact.digest
    );
}

#[tokio::test]
async fn attestations_in_an_index_go_along() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let child = put_image(store, "app", "base", 1);
    let attestation = put_attached(store, "app", None, "application/vnd.in-toto+json", None);
    let attests = json!({
        "mediaType": attestation.media_type, "digest": attestation.digest, "size": attestation.size,
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": child.digest,
        },
    });
    let whole = index(store, "1", &[json!(child), attests]);
    pair.copy("app:1").await.unwrap();
    let there = pair.destination.server.store();
    assert_eq!(stored(there, "app", "1"), whole.digest);
    let version = Version::Digest(attestation.digest);
    assert!(
        there
            .manifest(&repository("app"), &version)
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn quirk_49_an_index_may_name_blobs() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let entries = [
        json!(blob(store, MediaType::OCI_LAYER_GZIP, "cached layer")),
        json!(blob(store, CACHE, "{}")),
        json!(blob(store, "application/vnd.nobody-knows", "anything")),
    ];
    let cache = index(store, "cache", &entries);
    pair.copy("app:cache").await.unwrap();
    let there = pair.destination.server.store();
    assert_eq!(stored(there, "app", "cache"), cache.digest);
    // An entry of an unknown type is requested as a manifest first.
    let requests = pair.source.requests();
    assert_eq!(
        count(
            &requests,
            "GET",
            &format!("/manifests/{}", Digest::of(b"anything"))
        ),
        1
    );
    let layer = Digest::of(b"cached layer");
    assert_eq!(count(&requests, "GET", &format!("/manifests/{layer}")), 0);
}

#[tokio::test]
async fn quirk_49_schema_1_is_refused_in_a_sentence() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let old = json!({
        "schemaVersion": 1, "name": "app", "tag": "1", "fsLayers": [],
        "mediaType": MediaType::DOCKER_SCHEMA1_SIGNED,
    });
    put_manifest(store, "app", Some(&tag("1")), &old);
    let error = pair.copy("app:1").await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Rejected);
    assert!(error.to_string().contains("schema 1"), "{error}");
    assert!(error.to_string().contains("push it again"), "{error}");
}

#[tokio::test]
async fn a_manifest_that_is_something_else_to_other_readers_is_corrupt() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let children = put_index(store, "app", "1", &["linux/amd64"]);
    let config = blob(store, MediaType::OCI_CONFIG, "{}");
    let both = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX,
                      "manifests": [children[1]], "config": config, "layers": []});
    put_manifest(store, "app", Some(&tag("both")), &both);
    let error = pair.copy("app:both").await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Corrupt);
    let text = error.to_string();
    assert!(text.contains("both `manifests` and `config`"), "{text}");
    // An image that is sent as an index.
    let media_type = Action::SetHeader {
        name: "content-type".into(),
        value: MediaType::OCI_INDEX.into(),
    };
    fault(&pair.source, "GET", "/manifests/sha256", media_type);
    let error = pair.copy("app:1").await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Corrupt);
    assert!(error.to_string().contains("was sent as"), "{error}");
    assert_eq!(count(&pair.destination.requests(), "PUT", ""), 0);
}

#[tokio::test]
async fn an_index_the_source_does_not_hold_all_of_says_what_is_missing() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let children = put_index(store, "app", "1", &["linux/amd64", "linux/arm64"]);
    store
        .delete_manifest(&repository("app"), &children[2].digest)
        .unwrap();
    let error = pair.copy("app:1").await.unwrap_err();
    assert_eq!(error.class(), FailureClass::NotFound);
    let says = format!(
        "does not have {}, which is in its own index",
        children[2].digest
    );
    assert_eq!(error.to_string(), says);
    let hint = error.chain().pop().unwrap();
    assert!(hint.starts_with("hint: select the `platforms`"), "{hint}");
    // Platforms that are there can be copied.
    let mut order = pair.order("app:1");
    order.spec.platforms = vec!["linux/amd64".parse().unwrap()];
    pair.carry_out(&order).await.unwrap();
}

#[tokio::test]
async fn quirk_47_children_taken_to_be_there_are_pushed_again_once() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let children = put_index(store, "app", "1", &["linux/amd64", "linux/arm64"]);
    let one = json!(children[1]);
    let two = json!(children[2]);
    let other = index(store, "2", &[two, one]);
    pair.copy("app:1").await.unwrap();
    // A cleanup at the destination between the two copies outdates the state of this batch.
    let there = pair.destination.server.store();
    for gone in [&children[0], &children[1]] {
        there
            .delete_manifest(&repository("app"), &gone.digest)
            .unwrap();
    }
    pair.clear_logs();
    let copied = pair.copy("app:2").await.unwrap();
    assert!(matches!(copied.done, CopyOutcome::Copied { .. }));
    assert_eq!(stored(there, "app", "2"), other.digest);
    let requests = pair.destination.requests();
    let puts = |version: &str| count(&requests, "PUT", &format!("/manifests/{version}"));
    assert_eq!(puts("2"), 2);
    assert_eq!(puts(&children[1].digest.to_string()), 1);
    assert_eq!(count(&requests, "PUT", "/blobs/"), 0);
}

#[tokio::test]
async fn quirk_47_a_repository_that_was_emptied_meanwhile_is_filled_again() {
    let pair = Pair::new().await;
    let image = put_image(pair.source.server.store(), "app", "1", 1);
    let order = pair.order("app:1");
    let (registry, home) = (
        order.spec.destination.registry().unwrap(),
        order.spec.destination.repository().unwrap(),
    );
    let manifest = pair
        .source
        .server
        .store()
        .manifest(home, &Version::Tag(tag("1")));
    let manifest: Value = serde_json::from_slice(&manifest.unwrap().unwrap().bytes).unwrap();
    for blob in [&manifest["config"], &manifest["layers"][0]] {
        let digest = blob["digest"].as_str().unwrap().parse().unwrap();
        pair.engine.remember(registry, home, &digest);
    }
    let gone = super::refusing(404, "NAME_UNKNOWN", "repository name not known to registry");
    let gone = Fault::on("PUT".parse().unwrap(), "/manifests/", gone).unwrap();
    pair.destination.server.faults().add(gone.times(1));
    pair.carry_out(&order).await.unwrap();
    assert_eq!(
        stored(pair.destination.server.store(), "app", "1"),
        image.digest
    );
    assert_eq!(count(&pair.destination.requests(), "PUT", "/blobs/"), 2);
}

#[tokio::test]
async fn quirk_47_a_registry_that_never_finds_the_children_is_not_asked_for_ever() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    put_index(store, "app", "1", &["linux/amd64"]);
    let never = super::refusing(400, "MANIFEST_BLOB_UNKNOWN", "manifest unknown");
    let refused = fault(&pair.destination, "PUT", "/manifests/1$", never);
    let error = pair.copy("app:1").await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Rejected);
    assert_eq!(refused.hits(), 2);
}

#[tokio::test]
async fn quirk_50_a_manifest_without_end_is_given_up() {
    let pair = Pair::new().await;
    put_image(pair.source.server.store(), "app", "1", 1);
    let endless = Action::answer(200).body(&" ".repeat(5 * 1024 * 1024));
    fault(&pair.source, "GET", "/manifests/1", endless);
    let error = pair.copy("app:1").await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Rejected);
    assert!(
        error.to_string().contains("more than 4194304 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn quirk_50_pages_that_lead_in_circles_are_given_up() {
    let pair = Pair::new().await;
    put_image(pair.source.server.store(), "app", "1", 1);
    let registry = pair.order("app:1").spec.source.registry().unwrap().clone();
    let client = pair.engine.clients().get(&registry).unwrap();
    let page = |link: &str| {
        Action::answer(200)
            .header("content-type", "application/json")
            .header("link", &format!("<{link}>; rel=\"next\""))
            .body(r#"{"tags":["1"]}"#)
    };
    fault(
        &pair.source,
        "GET",
        "/v2/one/tags/list",
        page("/v2/one/tags/list?n=1000"),
    );
    fault(
        &pair.source,
        "GET",
        "/v2/two/tags/list",
        page("https://elsewhere.example/v2/"),
    );
    for (name, problem) in [("one", "in a circle"), ("two", "on another host")] {
        let error = client.tags(&repository(name)).await.unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
    }
    let between = ["/v2/a/tags/list?n=1", "/v2/a/tags/list?n=2"];
    fault(&pair.source, "GET", "/a/tags/list.n=1$", page(between[1]));
    let circle = fault(&pair.source, "GET", "/a/tags/list", page(between[0]));
    let error = client.tags(&repository("a")).await.unwrap_err();
    assert!(error.to_string().contains("in a circle"), "{error}");
    assert_eq!(circle.hits(), 2);
}

#[tokio::test]
async fn quirk_26_tag_lists_of_every_shape_are_read() {
    let pair = Pair::new().await;
    let registry = pair.order("app:1").spec.source.registry().unwrap().clone();
    let client = pair.engine.clients().get(&registry).unwrap();
    for (list, expected) in [
        (r#"{"name":"app","tags":null}"#, &[][..]),
        (r#"{"name":"app"}"#, &[]),
        (
            r#"{"tags":["1",null,"sha256:ab","not a tag"]}"#,
            &["1", "sha256:ab", "not a tag"],
        ),
    ] {
        let action = Action::answer(200).body(list);
        fault(&pair.source, "GET", "/tags/list", action);
        assert_eq!(client.tags(&repository("app")).await.unwrap(), expected);
        pair.source.server.faults().clear();
    }
}

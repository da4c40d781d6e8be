//! One registry on both sides: blobs are mounted, and none is sent.

use transship::{
    batch::Job,
    copy::{CopyOutcome, Engine},
    serve::{AccessEntry, Action},
};

use super::{count, fault, order, put_attached, put_image, put_index, referrers, stored};
use crate::embedded::Embedded;

/// The order to copy `from` to `to` within one registry.
fn within(registry: &Embedded, from: &str, to: &str) -> Job {
    let mut order = order(registry, registry, from);
    order.spec.destination = format!("{}/{to}", registry.address()).parse().unwrap();
    order
}

/// Bytes of blobs that went to and from the registry.
fn blob_bytes(registry: &Embedded) -> (u64, u64) {
    let entries = registry.server.access_log().entries();
    let blobs = entries
        .iter()
        .filter(|entry| entry.target.contains("/blobs/"));
    let moved = |bytes: fn(&AccessEntry) -> u64| blobs.clone().map(bytes).sum();
    (
        moved(|entry| entry.request_bytes),
        moved(|entry| entry.response_bytes),
    )
}

#[tokio::test]
async fn on_one_registry_blobs_are_mounted_and_no_byte_of_them_moves() {
    let registry = Embedded::start().await;
    let store = registry.server.store();
    let index = put_index(store, "old/app", "1", &["linux/amd64", "linux/arm64"]);
    let signature = put_attached(
        store,
        "old/app",
        Some(&index[1]),
        "application/signature",
        None,
    );
    let engine = Engine::new(Default::default());
    let order = within(&registry, "old/app:1", "new/app:2");
    let done = engine.copy(&order, &|_| ()).await.unwrap();
    assert!(matches!(done, CopyOutcome::Copied { .. }));
    assert_eq!(stored(store, "new/app", "2"), index[0].digest);
    assert_eq!(referrers(store, "new/app", &index[1]), [signature.digest]);
    assert_eq!(blob_bytes(&registry), (0, 0));
    let requests = registry.requests();
    let mounted = requests.iter().filter_map(|request| request.mounted());
    // Two layers, two configs, and the signature's two blobs.
    assert_eq!(mounted.count(), 6);
    assert_eq!(count(&requests, "HEAD", "/blobs/"), 0);
}

#[tokio::test]
async fn a_refused_mount_becomes_an_upload_in_the_session_it_opened() {
    let registry = Embedded::start().await;
    let store = registry.server.store();
    let image = put_image(store, "old/app", "1", 1);
    fault(&registry, "POST", "mount=", Action::IgnoreMount);
    let engine = Engine::new(Default::default());
    let order = within(&registry, "old/app:1", "new/app:1");
    engine.copy(&order, &|_| ()).await.unwrap();
    assert_eq!(stored(store, "new/app", "1"), image.digest);
    let (sent, received) = blob_bytes(&registry);
    assert!(
        sent >= 1000 && sent == received,
        "{sent} sent, {received} received"
    );
    let requests = registry.requests();
    assert_eq!(count(&requests, "POST", "/blobs/uploads/"), 2);
}

#[tokio::test]
async fn a_mount_that_fails_becomes_an_upload_of_its_own() {
    let registry = Embedded::start().await;
    let store = registry.server.store();
    let image = put_image(store, "old/app", "1", 1);
    fault(&registry, "POST", "mount=", Action::answer(405));
    let engine = Engine::new(Default::default());
    let order = within(&registry, "old/app:1", "new/app:1");
    engine.copy(&order, &|_| ()).await.unwrap();
    assert_eq!(stored(store, "new/app", "1"), image.digest);
}

#[tokio::test]
async fn a_new_tag_in_the_same_repository_is_one_manifest() {
    let registry = Embedded::start().await;
    let store = registry.server.store();
    let index = put_index(store, "app", "1", &["linux/amd64", "linux/arm64"]);
    put_attached(store, "app", Some(&index[1]), "application/signature", None);
    let engine = Engine::new(Default::default());
    let order = within(&registry, "app:1", "app:stable");
    engine.copy(&order, &|_| ()).await.unwrap();
    assert_eq!(stored(store, "app", "stable"), index[0].digest);
    let asked: Vec<_> = registry
        .requests()
        .into_iter()
        .filter(|request| request.target != "/v2/")
        .map(|request| format!("{} {}", request.method, request.target))
        .collect();
    assert_eq!(
        asked,
        [
            "HEAD /v2/app/manifests/stable",
            "GET /v2/app/manifests/1",
            "PUT /v2/app/manifests/stable"
        ]
    );
}

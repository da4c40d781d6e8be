//! Sources that have more than an image may have: refused with the numbers, before anything is read.

use axum::{Router, extract::RawQuery, http::header, response::IntoResponse};
use futures_util::future::join_all;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use transship::{
    copy::PreflightOutcome,
    oci::{Descriptor, Digest, MediaType},
    registry::FailureClass,
    serve::Action,
};

use super::{
    Pair, count, fault, put_attached, put_image, put_index, put_manifest, repository, stored, tag,
};

const MIB: u64 = 1 << 20;

fn described(media_type: &str, seed: u64, size: u64) -> Descriptor {
    let descriptor = json!({
        "mediaType": media_type, "digest": Digest::of(&seed.to_be_bytes()), "size": size,
    });
    serde_json::from_value(descriptor).unwrap()
}

fn layers(seeds: std::ops::Range<u64>) -> Vec<Descriptor> {
    seeds.map(|seed| described("a", seed, 1)).collect()
}

/// Checks that copying `app:1` fails before anything but its root is read, and before anything is written.
#[track_caller]
fn refused(pair: &Pair, error: &transship::copy::CopyError, words: &str) {
    assert_eq!(error.class(), FailureClass::Rejected);
    assert!(error.to_string().contains(words), "{error}");
    let requests = pair.source.requests();
    // A large image is read again after it waited for one of another test.
    assert!(count(&requests, "GET", "/manifests/1") >= 1);
    assert_eq!(count(&requests, "GET", "/manifests/sha256:"), 0);
    let there = pair.destination.requests();
    let harmless = ["HEAD manifest 404", "GET /v2/ 200"];
    let all_harmless = there
        .iter()
        .all(|request| harmless.contains(&&*request.kind()));
    assert!(all_harmless, "{there:?}");
}

#[tokio::test]
async fn an_index_of_very_large_children_is_refused_before_one_is_read() {
    let pair = Pair::new().await;
    let children: Vec<_> = (0..400)
        .map(|seed| described(MediaType::OCI_MANIFEST, seed, 4 * MIB))
        .collect();
    let index = json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": children,
    });
    put_manifest(pair.source.server.store(), "app", Some(&tag("1")), &index);
    let error = pair.copy("app:1").await.unwrap_err();
    refused(&pair, &error, " bytes of manifests, more than the 8388608 ");
    let hint = error.chain().pop().unwrap();
    assert!(hint.contains("`platforms`"), "{hint}");
}

#[tokio::test]
async fn a_manifest_of_very_many_layers_is_refused_before_the_destination_is_asked() {
    let pair = Pair::new().await;
    for (seeds, words) in [
        (0..30_000, "holds 30000 blobs, more than the 10000 "),
        (0..55_000, "more than 4194304 bytes"),
    ] {
        pair.clear_logs();
        let image = json!({
            "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST, "layers": layers(seeds),
        });
        put_manifest(pair.source.server.store(), "app", Some(&tag("1")), &image);
        let error = pair.copy("app:1").await.unwrap_err();
        refused(&pair, &error, words);
    }
}

#[tokio::test]
async fn blobs_are_counted_over_all_children_and_those_they_share_once() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let child = |name, seeds| {
        let image = json!({
            "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST, "layers": layers(seeds),
            "annotations": {"name": name},
        });
        put_manifest(store, "app", None, &image)
    };
    let children = [
        child("one", 0..6_000),
        child("two", 0..6_000),
        child("three", 6_000..12_000),
    ];
    let index = |children: &[Descriptor], version| {
        let index = json!({
            "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": children,
        });
        put_manifest(store, "app", Some(&tag(version)), &index);
    };
    index(&children, "all");
    index(&children[..2], "shared");
    let error = pair.copy("app:all").await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Rejected);
    let text = error.to_string();
    assert!(
        text.contains("holds 12000 blobs, more than the 10000 "),
        "{text}"
    );
    let order = pair.order("app:shared");
    let outcome = pair.engine.preflight(&order, &|_| ()).await;
    assert_eq!(outcome.unwrap(), PreflightOutcome::Missing);
}

#[tokio::test]
async fn what_is_attached_counts_for_its_image() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let image = put_image(store, "app", "1", 1);
    let refer = |subject: &Descriptor, referrers: &[Descriptor]| {
        let list = json!({"schemaVersion": 2, "manifests": referrers});
        let answer = Action::answer(200)
            .header("content-type", MediaType::OCI_INDEX)
            .body(&list.to_string());
        fault(
            &pair.source,
            "GET",
            &format!("/referrers/{}", subject.digest),
            answer,
        );
    };
    let many: Vec<_> = (0..6_000)
        .map(|seed| described(MediaType::OCI_MANIFEST, seed, 1))
        .collect();
    refer(&image, &many);
    let error = pair.copy("app:1").await.unwrap_err();
    refused(&pair, &error, "holds 6001 manifests, more than the 5000 ");

    // The referrers of a signature are charged to the same budget.
    pair.source.server.faults().clear();
    let signature = put_attached(store, "app", Some(&image), "signature", None);
    let large = [1, 2, 3].map(|seed| described(MediaType::OCI_MANIFEST, seed, 3 * MIB));
    refer(&signature, &large);
    pair.clear_logs();
    let error = pair.copy("app:1").await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Rejected);
    assert!(error.to_string().contains("bytes of manifests"), "{error}");
    let requests = pair.source.requests();
    assert_eq!(count(&requests, "GET", "/manifests/"), 2, "{requests:?}");
}

#[tokio::test]
async fn a_manifest_longer_than_declared_is_corrupt() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let children = put_index(store, "app", "1", &["linux/amd64"]);
    let short = Descriptor {
        size: 10,
        ..children[1].clone()
    };
    let index = json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [short],
    });
    put_manifest(store, "app", Some(&tag("2")), &index);
    let error = pair.copy("app:2").await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Corrupt);
    assert!(
        error.to_string().contains("more than the 10 bytes"),
        "{error}"
    );
}

/// Pages of tags without end, each of `width` names that begin with `prefix`.
async fn endless_tags(prefix: &'static str, width: u64) -> (String, AbortOnDropHandle<()>) {
    let page = async move |RawQuery(query): RawQuery| {
        let last = query
            .as_deref()
            .and_then(|query| query.strip_prefix("last="));
        let last: u64 = last.and_then(|last| last.parse().ok()).unwrap_or_default();
        let next = last + width;
        let tags: Vec<_> = (last..next)
            .map(|number| format!("{prefix}{number}"))
            .collect();
        let link = format!("</v2/app/tags/list?last={next}>; rel=\"next\"");
        ([(header::LINK, link)], json!({"tags": tags}).to_string()).into_response()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(page);
    let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (format!("http://{address}"), AbortOnDropHandle::new(serving))
}

fn redirect_tags(pair: &Pair, base: String) -> transship::serve::ActiveFault {
    let action = Action::Redirect { status: 307, base };
    fault(&pair.source, "GET", "/tags/list", action)
}

#[tokio::test]
async fn a_list_of_tags_without_end_is_given_up_with_the_number() {
    let pair = Pair::new().await;
    let (base, _serving) = endless_tags("v", 50_000).await;
    let pages = redirect_tags(&pair, base);
    let registry = pair.order("app:1").spec.source.registry().unwrap().clone();
    let client = pair.engine.clients().get(&registry).unwrap();
    let error = client.tags(&repository("app")).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Rejected);
    assert!(
        error.to_string().contains("more than 250000 tags"),
        "{error}"
    );
    assert_eq!(pages.hits(), 6);
}

#[tokio::test]
async fn where_there_are_too_many_tags_of_signatures_they_are_asked_for_by_name() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let image = put_image(store, "app", "1", 1);
    let signature = tag(&format!("sha256-{}.sig", image.digest.hex()));
    let signature = put_attached(store, "app", None, "signature", Some(&signature));
    let (base, _serving) = endless_tags("sha256-", 30_000).await;
    let pages = redirect_tags(&pair, base);
    pair.copy("app:1").await.unwrap();
    assert_eq!(pages.hits(), 4);
    let there = pair.destination.server.store();
    let version = format!("sha256-{}.sig", image.digest.hex());
    assert_eq!(stored(there, "app", &version), signature.digest);
}

#[tokio::test]
async fn large_images_on_one_layer_wait_for_each_other_and_all_arrive() {
    let pair = Pair::new().await;
    let store = pair.source.server.store();
    let layer = store.put_blob(&repository("app"), MediaType::OCI_LAYER_GZIP, &b"layer"[..]);
    let layer = layer.unwrap();
    let names: Vec<_> = (0..6).map(|number| number.to_string()).collect();
    for name in &names {
        let image = json!({
            "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST, "layers": [layer],
            "annotations": {"number": name, "large": " ".repeat(300 << 10)},
        });
        put_manifest(store, "app", Some(&tag(name)), &image);
    }
    let names: Vec<_> = names.iter().map(|name| format!("app:{name}")).collect();
    let copies = join_all(names.iter().map(|name| pair.copy(name))).await;
    assert!(copies.iter().all(Result::is_ok), "{copies:?}");
    let waited = copies.iter().flatten().flat_map(|copied| &copied.notes);
    assert!(
        waited
            .filter(|note| note.contains("waits for another large image"))
            .count()
            >= 1
    );
}

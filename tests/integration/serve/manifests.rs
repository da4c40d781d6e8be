//! Pushing and pulling manifests, byte for byte.

use reqwest::{Method, Response, StatusCode};
use serde_json::json;
use transship::{
    oci::{Digest, MediaType},
    serve::{Access, MissingContent},
};

use super::{REPOSITORY, Served, error_code, header};

fn manifest(version: &str) -> String {
    format!("/v2/{REPOSITORY}/manifests/{version}")
}

async fn put(served: &Served, version: &str, media_type: &str, bytes: &str) -> Response {
    let request = served.request(Method::PUT, &manifest(version));
    request
        .header("content-type", media_type)
        .body(bytes.to_owned())
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_manifest_comes_back_byte_for_byte() {
    let served = Served::new().await;
    let bytes = format!("\n  {}  ", served.image(b"layer"));
    let digest = Digest::of(bytes.as_bytes()).to_string();
    let pushed = put(&served, "v1", MediaType::OCI_MANIFEST, &bytes).await;
    assert_eq!(pushed.status(), StatusCode::CREATED);
    assert_eq!(header(&pushed, "docker-content-digest"), digest);
    for version in ["v1", &digest] {
        let head = served.send(Method::HEAD, &manifest(version)).await;
        assert_eq!(header(&head, "content-length"), bytes.len().to_string());
        let pulled = served.get(&manifest(version)).await;
        assert_eq!(header(&pulled, "content-type"), MediaType::OCI_MANIFEST);
        assert_eq!(header(&pulled, "docker-content-digest"), digest);
        assert_eq!(pulled.text().await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_manifest_needs_its_blobs_in_the_same_repository() {
    let served = Served::new().await;
    let bytes = served.image(b"layer").to_string();
    let elsewhere = "/v2/team/other/manifests/v1";
    let request = served.request(Method::PUT, elsewhere);
    let refused = request
        .header("content-type", MediaType::OCI_MANIFEST)
        .body(bytes)
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert_eq!(error_code(refused).await, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(served.get(elsewhere).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_index_needs_its_children() {
    let served = Served::new().await;
    let index = |child: &Digest| {
        let child = json!({"mediaType": MediaType::OCI_MANIFEST, "digest": child, "size": 2});
        json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [child]})
            .to_string()
    };
    let orphan = index(&Digest::of(b"{}"));
    let refused = put(&served, "v1", MediaType::OCI_INDEX, &orphan).await;
    assert_eq!(error_code(refused).await, "MANIFEST_BLOB_UNKNOWN");
    let child = served.put_image("child", b"layer").digest;
    let pushed = put(&served, "v1", MediaType::OCI_INDEX, &index(&child)).await;
    assert_eq!(pushed.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_sparse_manifest_is_taken_where_that_is_allowed() {
    let served = Served::with(|mut options| {
        options.missing_content = MissingContent::Allowed;
        options
    })
    .await;
    let absent = Digest::of(b"absent");
    let child = json!({"mediaType": MediaType::OCI_MANIFEST, "digest": absent, "size": 2});
    let index = json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [child],
    });
    let image = json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
        "config": {"mediaType": MediaType::OCI_CONFIG, "digest": absent, "size": 6},
        "layers": [{"mediaType": MediaType::OCI_LAYER_GZIP, "digest": absent, "size": 6}],
    });
    for (version, media_type, sparse) in [
        ("index", MediaType::OCI_INDEX, index.to_string()),
        ("image", MediaType::OCI_MANIFEST, image.to_string()),
    ] {
        let pushed = put(&served, version, media_type, &sparse).await;
        assert_eq!(pushed.status(), StatusCode::CREATED);
        let pulled = served.get(&manifest(version)).await;
        assert_eq!(pulled.text().await.unwrap(), sparse);
    }
    // Only what is named may be missing.
    let other_digest = Digest::of(b"other").to_string();
    let refused = put(
        &served,
        &other_digest,
        MediaType::OCI_MANIFEST,
        &image.to_string(),
    )
    .await;
    assert_eq!(error_code(refused).await, "DIGEST_INVALID");
}

#[tokio::test]
async fn a_foreign_layer_need_not_be_held() {
    let served = Served::new().await;
    let mut image = served.image(b"layer");
    image["layers"][0] = json!({
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "digest": Digest::of(b"windows"), "size": 7, "urls": ["https://example.com/layer"],
    });
    let pushed = put(&served, "v1", MediaType::OCI_MANIFEST, &image.to_string()).await;
    assert_eq!(pushed.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn wrong_manifests_are_refused() {
    let served = Served::new().await;
    let image = served.image(b"layer").to_string();
    let refused = async |version: &str, media_type: &str, bytes: &str| {
        let response = put(&served, version, media_type, bytes).await;
        (response.status().as_u16(), error_code(response).await)
    };
    let manifest = MediaType::OCI_MANIFEST;
    let other_digest = Digest::of(b"other").to_string();
    let wrong = |status, code: &str| (status, code.to_owned());
    assert_eq!(
        refused(&other_digest, manifest, &image).await,
        wrong(400, "DIGEST_INVALID")
    );
    assert_eq!(
        refused("v1", manifest, "<html>").await,
        wrong(400, "MANIFEST_INVALID")
    );
    assert_eq!(
        refused("v1", MediaType::OCI_INDEX, &image).await,
        wrong(400, "MANIFEST_INVALID")
    );
    assert_eq!(
        refused("-v1", manifest, &image).await,
        wrong(400, "TAG_INVALID")
    );
    let large = " ".repeat(5 * 1024 * 1024);
    assert_eq!(
        refused("v1", manifest, &large).await,
        wrong(413, "MANIFEST_INVALID")
    );
}

#[tokio::test]
async fn deleting_a_tag_leaves_the_manifest_and_deleting_the_manifest_takes_its_tags() {
    let served = Served::new().await;
    let digest = served.put_image("v1", b"layer").digest.to_string();
    served.put_image("v2", b"layer");
    let delete = async |version: &str| served.send(Method::DELETE, &manifest(version)).await;
    assert_eq!(delete("v1").await.status(), StatusCode::ACCEPTED);
    let gone = served.get(&manifest("v1")).await;
    assert_eq!(error_code(gone).await, "MANIFEST_UNKNOWN");
    assert_eq!(
        served.get(&manifest(&digest)).await.status(),
        StatusCode::OK
    );
    assert_eq!(delete(&digest).await.status(), StatusCode::ACCEPTED);
    for version in ["v2", &digest] {
        let status = served.get(&manifest(version)).await.status();
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    assert_eq!(delete(&digest).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_read_only_registry_changes_nothing() {
    let served = Served::with(|mut options| {
        options.access = Access::ReadOnly;
        options
    })
    .await;
    let digest = served.put_image("v1", b"layer").digest.to_string();
    assert_eq!(served.get(&manifest("v1")).await.status(), StatusCode::OK);
    let refused = served.send(Method::DELETE, &manifest(&digest)).await;
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
    let uploads = format!("/v2/{REPOSITORY}/blobs/uploads/");
    let refused = served.send(Method::POST, &uploads).await;
    assert_eq!(error_code(refused).await, "UNSUPPORTED");
}

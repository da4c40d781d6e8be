//! Pushing and pulling blobs.

use reqwest::{Body, Method, StatusCode};
use transship::oci::Digest;

use super::{REPOSITORY, Served, error_code, header};

fn blob(digest: &Digest) -> String {
    format!("/v2/{REPOSITORY}/blobs/{digest}")
}

fn uploads(query: &str) -> String {
    format!("/v2/{REPOSITORY}/blobs/uploads/{query}")
}

#[tokio::test]
async fn a_blob_pushed_at_once_can_be_pulled() {
    let served = Served::new().await;
    let digest = Digest::of(b"layer");
    let response = served
        .request(Method::POST, &uploads(&format!("?digest={digest}")))
        .body("layer")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let location = header(&response, "location").to_owned();
    assert_eq!(location, blob(&digest));
    assert_eq!(served.get(&location).await.text().await.unwrap(), "layer");
    let head = served.send(Method::HEAD, &location).await;
    assert_eq!(header(&head, "content-length"), "5");
    assert_eq!(header(&head, "docker-content-digest"), digest.to_string());
}

#[tokio::test]
async fn a_blob_pushed_in_a_session_can_be_pulled() {
    let served = Served::new().await;
    let session = served.open_upload().await;
    let digest = Digest::of(b"layer");
    let response = served
        .request(Method::PUT, &format!("{session}?digest={digest}"))
        .body("layer")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(
        served.get(&blob(&digest)).await.text().await.unwrap(),
        "layer"
    );
    let gone = served.get(&session).await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    assert_eq!(error_code(gone).await, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn chunks_are_taken_in_order_only() {
    let served = Served::new().await;
    let session = served.open_upload().await;
    let patch = async |range: &str, chunk: &'static str| {
        let request = served.request(Method::PATCH, &session);
        request
            .header("content-range", range)
            .body(chunk)
            .send()
            .await
            .unwrap()
    };
    let first = patch("0-2", "abc").await;
    assert_eq!(first.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&first, "range"), "0-2");
    let gap = patch("4-5", "ef").await;
    assert_eq!(gap.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&gap, "range"), "0-2");
    assert_eq!(header(&gap, "location"), session);
    let status = served.get(&session).await;
    assert_eq!(status.status(), StatusCode::NO_CONTENT);
    assert_eq!(header(&status, "range"), "0-2");
    assert_eq!(patch("3-3", "d").await.status(), StatusCode::ACCEPTED);
    let last = served
        .request(
            Method::PUT,
            &format!("{session}?digest={}", Digest::of(b"abcdef")),
        )
        .header("content-range", "4-5")
        .body("ef")
        .send()
        .await
        .unwrap();
    assert_eq!(last.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_body_of_unknown_length_is_taken() {
    let served = Served::new().await;
    let session = served.open_upload().await;
    let pieces = ["ab", "c", "def"].map(|piece| Ok::<_, std::io::Error>(piece.as_bytes()));
    let response = served
        .request(Method::PATCH, &session)
        .body(Body::wrap_stream(futures_util::stream::iter(pieces)))
        .send()
        .await
        .unwrap();
    assert_eq!(header(&response, "range"), "0-5");
}

#[tokio::test]
async fn content_with_another_digest_is_refused() {
    let served = Served::new().await;
    let session = served.open_upload().await;
    let digest = Digest::of(b"layer");
    let response = served
        .request(Method::PUT, &format!("{session}?digest={digest}"))
        .body("liar")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(error_code(response).await, "DIGEST_INVALID");
    let missing = served.get(&blob(&digest)).await;
    assert_eq!(error_code(missing).await, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn a_cancelled_session_is_gone() {
    let served = Served::new().await;
    let session = served.open_upload().await;
    let cancelled = served.send(Method::DELETE, &session).await;
    assert_eq!(cancelled.status(), StatusCode::NO_CONTENT);
    let status = served.get(&session).await.status();
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_mount_needs_the_blob_where_it_comes_from() {
    let served = Served::new().await;
    let digest = served.put_blob(b"layer").digest;
    let mount = |from: &str| format!("/v2/other/blobs/uploads/?mount={digest}&from={from}");
    let refused = served.send(Method::POST, &mount("nowhere")).await;
    assert_eq!(refused.status(), StatusCode::ACCEPTED);
    assert!(header(&refused, "location").starts_with("/v2/other/blobs/uploads/"));
    let other = format!("/v2/other/blobs/{digest}");
    assert_eq!(served.get(&other).await.status(), StatusCode::NOT_FOUND);
    let mounted = served.send(Method::POST, &mount(REPOSITORY)).await;
    assert_eq!(mounted.status(), StatusCode::CREATED);
    assert_eq!(header(&mounted, "location"), other);
    assert_eq!(served.get(&other).await.text().await.unwrap(), "layer");
}

#[tokio::test]
async fn a_session_belongs_to_its_repository() {
    let served = Served::new().await;
    let session = served.open_upload().await;
    let elsewhere = session.replace(REPOSITORY, "team/other");
    assert_eq!(served.get(&elsewhere).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_range_of_a_blob_can_be_pulled() {
    let served = Served::new().await;
    let digest = served.put_blob(b"0123456789").digest;
    let range = async |range: &str| {
        let request = served.request(Method::GET, &blob(&digest));
        request.header("range", range).send().await.unwrap()
    };
    let part = range("bytes=4-").await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(header(&part, "content-range"), "bytes 4-9/10");
    assert_eq!(part.text().await.unwrap(), "456789");
    assert_eq!(range("bytes=2-3").await.text().await.unwrap(), "23");
    let outside = range("bytes=10-").await;
    assert_eq!(outside.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&outside, "content-range"), "bytes */10");
}

#[tokio::test]
async fn a_deleted_blob_is_gone_from_its_repository_only() {
    let served = Served::new().await;
    let digest = served.put_blob(b"layer").digest;
    let store = served.server.store();
    let other = "other".parse().unwrap();
    store
        .mount_blob(&super::repository(), &other, &digest)
        .unwrap();
    let deleted = served.send(Method::DELETE, &blob(&digest)).await;
    assert_eq!(deleted.status(), StatusCode::ACCEPTED);
    let again = served.send(Method::DELETE, &blob(&digest)).await;
    assert_eq!(again.status(), StatusCode::NOT_FOUND);
    let kept = served.get(&format!("/v2/other/blobs/{digest}")).await;
    assert_eq!(kept.text().await.unwrap(), "layer");
}

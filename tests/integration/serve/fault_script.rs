//! The effects of the fault script on the wire.

use reqwest::{Body, Method, StatusCode, Url, header::CONTENT_RANGE};
use transship::{
    oci::Digest,
    serve::{Action, Fault, OddLocation},
};

use super::{REPOSITORY, Served, header};

#[tokio::test]
async fn a_scripted_answer_comes_as_often_as_scripted() {
    let served = Served::new().await;
    let answer = Action::answer(429)
        .header("Retry-After", "7")
        .body("slow down");
    let fault = Fault::on(Method::GET, "^/v2/$", answer).unwrap();
    let fault = served.server.faults().add(fault.after(1).times(1));
    assert_eq!(served.get("/v2/").await.status(), StatusCode::OK);
    let refused = served.get("/v2/").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&refused, "retry-after"), "7");
    assert_eq!(refused.text().await.unwrap(), "slow down");
    assert_eq!(served.get("/v2/").await.status(), StatusCode::OK);
    assert_eq!(fault.hits(), 1);
}

#[tokio::test]
async fn odd_locations_lead_to_the_session_when_resolved_as_urls() {
    let served = Served::new().await;
    let digest = Digest::of(b"layer");
    for odd in [
        OddLocation::Absolute,
        OddLocation::Schemeless,
        OddLocation::Relative,
        OddLocation::OpaqueState,
    ] {
        served.server.faults().clear();
        let fault = Fault::on_any("/blobs/uploads/", Action::Location(odd)).unwrap();
        served.server.faults().add(fault);
        let session = served.open_upload().await;
        assert!(!session.starts_with("/v2") || odd == OddLocation::OpaqueState);
        let start = served.url(&format!("/v2/{REPOSITORY}/blobs/uploads/"));
        let mut url = Url::parse(&start).unwrap().join(&session).unwrap();
        url.query_pairs_mut()
            .append_pair("digest", &digest.to_string());
        let done = served.client.put(url).body("layer").send().await.unwrap();
        assert_eq!(done.status(), StatusCode::CREATED, "{odd:?}");
    }
}

#[tokio::test]
async fn an_opaque_state_has_to_come_back_byte_for_byte() {
    let served = Served::new().await;
    let fault = Action::Location(OddLocation::OpaqueState);
    served
        .server
        .faults()
        .add(Fault::on_any("/blobs/uploads/", fault).unwrap());
    let session = served.open_upload().await;
    for wrong in [
        session.replace("%2b", "%2B"),
        session.replace("%41", "A"),
        session.split_once('?').unwrap().0.to_owned(),
    ] {
        let refused = served.get(&wrong).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{wrong}");
    }
    let status = served.get(&session).await;
    assert_eq!(status.status(), StatusCode::NO_CONTENT);
    assert_eq!(served.get(&session).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_lost_session_is_unknown() {
    let served = Served::new().await;
    let session = served.open_upload().await;
    served.fault(Method::PATCH, "/uploads/", Action::LoseSession);
    let patch = served.request(Method::PATCH, &session).body("layer");
    let status = patch.send().await.unwrap().status();
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_rolled_back_session_has_less_than_it_acknowledged() {
    let served = Served::new().await;
    let session = served.open_upload().await;
    let follows = Fault::on(Method::PATCH, "/uploads/", Action::RollBack { to: None }).unwrap();
    let follows = follows.with_header(CONTENT_RANGE, "^[1-9]").unwrap();
    let fault = served.server.faults().add(follows.times(1));
    let patch = async |range: &str, chunk: &'static str| {
        let request = served.request(Method::PATCH, &session);
        let request = request.header(CONTENT_RANGE, range).body(chunk);
        request.send().await.unwrap()
    };
    assert_eq!(patch("0-3", "abcd").await.status(), StatusCode::ACCEPTED);
    assert_eq!(fault.hits(), 0);
    let refused = patch("4-5", "ef").await;
    assert_eq!(refused.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&refused, "range"), "0-1");
    assert_eq!(fault.hits(), 1);
    // What is left is what was sent first.
    assert_eq!(patch("2-5", "cdef").await.status(), StatusCode::ACCEPTED);
    let digest = Digest::of(b"abcdef");
    let commit = format!("{session}?digest={digest}");
    let done = served.send(Method::PUT, &commit).await;
    assert_eq!(done.status(), StatusCode::CREATED);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_drips_is_whole_once_the_fault_is_released() {
    let served = Served::new().await;
    let drip = served.fault(Method::GET, "", Action::Drip { rate: 1 });
    served.fault(
        Method::GET,
        "",
        Action::answer(500).body(&"x".repeat(100_000)),
    );
    let response = served.get("/v2/").await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let start = tokio::time::Instant::now();
    drip.release();
    assert_eq!(response.text().await.unwrap().len(), 100_000);
    assert!(start.elapsed() < std::time::Duration::from_secs(60));
}

#[tokio::test]
async fn an_ignored_range_gives_the_whole_blob() {
    let served = Served::new().await;
    let digest = served.put_blob(b"0123456789").digest;
    served.fault(Method::GET, "/blobs/", Action::IgnoreRange);
    let request = served
        .request(Method::GET, &format!("/v2/{REPOSITORY}/blobs/{digest}"))
        .header("range", "bytes=5-");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.text().await.unwrap(), "0123456789");
}

#[tokio::test]
async fn a_redirect_leads_to_the_same_path_elsewhere() {
    let served = Served::new().await;
    let redirect = Action::Redirect {
        status: 307,
        base: "http://storage.test".to_owned(),
    };
    served.fault(Method::GET, "/blobs/", redirect);
    let response = served.get("/v2/a/blobs/sha256:0?x=1").await;
    assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
    let location = header(&response, "location");
    assert_eq!(location, "http://storage.test/v2/a/blobs/sha256:0?x=1");
}

#[tokio::test]
async fn an_ignored_mount_opens_a_session() {
    let served = Served::new().await;
    let digest = served.put_blob(b"layer").digest;
    served.fault(Method::POST, "mount=", Action::IgnoreMount);
    let mount = format!("/v2/other/blobs/uploads/?mount={digest}&from={REPOSITORY}");
    let response = served.send(Method::POST, &mount).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn headers_and_statuses_are_replaced_and_dropped() {
    let served = Served::new().await;
    let digest = served.put_blob(b"0123456789").digest;
    let name = |name: &str| name.to_owned();
    for action in [
        Action::SetHeader {
            name: name("Content-Range"),
            value: name("bytes 1-5/10"),
        },
        Action::DropHeader {
            name: name("Docker-Content-Digest"),
        },
        Action::DropHeader {
            name: name("Content-Length"),
        },
        Action::ReplaceStatus { status: 201 },
    ] {
        let fault = Fault::on_any("/blobs/", action).unwrap();
        served.server.faults().add(fault);
    }
    for method in [Method::GET, Method::HEAD] {
        let blob = format!("/v2/{REPOSITORY}/blobs/{digest}");
        let response = served.send(method.clone(), &blob).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(header(&response, "content-range"), "bytes 1-5/10");
        assert!(!response.headers().contains_key("docker-content-digest"));
        assert!(!response.headers().contains_key("content-length"));
        let body = if method == Method::GET {
            "0123456789"
        } else {
            ""
        };
        assert_eq!(response.text().await.unwrap(), body);
    }
}

#[tokio::test]
async fn bodies_above_the_cap_or_without_a_length_are_refused() {
    let served = Served::new().await;
    let session = served.open_upload().await;
    let cap = Action::BodyCap {
        bytes: 5,
        status: 413,
    };
    served.fault(Method::PATCH, "", cap);
    let patch = async |body: Body| {
        let request = served.request(Method::PATCH, &session).body(body);
        request.send().await.unwrap().status()
    };
    let chunked = || {
        let piece = Ok::<_, std::io::Error>("x");
        Body::wrap_stream(futures_util::stream::iter([piece]))
    };
    assert_eq!(patch("123456".into()).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(patch(chunked()).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(patch("12345".into()).await, StatusCode::ACCEPTED);
    served.server.faults().clear();
    served.fault(Method::PATCH, "", Action::RequireLength);
    assert_eq!(patch(chunked()).await, StatusCode::BAD_REQUEST);
    assert_eq!(patch("12345".into()).await, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn nothing_may_follow_a_chunk_below_the_minimum() {
    let served = Served::new().await;
    let minimum = Action::ChunkMinimum { bytes: 4 };
    let fault = Fault::on_any("/blobs/uploads/", minimum).unwrap();
    served.server.faults().add(fault);
    let session = served.open_upload().await;
    let patch = async |chunk: &'static str| {
        let request = served.request(Method::PATCH, &session).body(chunk);
        request.send().await.unwrap()
    };
    let first = patch("1234").await;
    assert_eq!(first.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&first, "oci-chunk-min-length"), "4");
    assert_eq!(patch("5").await.status(), StatusCode::ACCEPTED);
    let late = patch("6789").await;
    assert_eq!(late.status(), StatusCode::RANGE_NOT_SATISFIABLE);
}

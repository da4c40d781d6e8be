//! The fault script does on the wire what it says.

use reqwest::{Body, Method, StatusCode, Url};
use transship::{
    oci::Digest,
    serve::{Action, ActiveFault, Fault, OddLocation},
};

use super::{REPOSITORY, Served, header};

impl Served {
    fn fault(&self, method: Method, target: &str, action: Action) -> ActiveFault {
        let fault = Fault::on(method, target, action).unwrap();
        self.server.faults().add(fault)
    }
}

/// The bytes of a response's body before it ended or broke, and whether it broke.
async fn received(mut response: reqwest::Response) -> (u64, bool) {
    let mut received = 0;
    loop {
        match response.chunk().await {
            Ok(Some(bytes)) => received += bytes.len() as u64,
            Ok(None) => return (received, false),
            Err(_) => return (received, true),
        }
    }
}

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
async fn a_cut_response_delivers_exactly_the_bytes_before_the_cut() {
    let served = Served::new().await;
    let digest = served.put_blob(&vec![7; 3_000_000]).digest;
    let target = format!("/v2/{REPOSITORY}/blobs/{digest}");
    for after in [0, 1, 70_000, 2_999_999] {
        served.server.faults().clear();
        let fault = served.fault(Method::GET, "/blobs/", Action::CutResponse { after });
        let response = served.get(&target).await;
        assert_eq!(header(&response, "content-length"), "3000000");
        assert_eq!(received(response).await, (after, true));
        assert_eq!(fault.hits(), 1);
    }
}

#[tokio::test]
async fn a_cut_request_leaves_its_first_bytes_in_the_session() {
    let served = Served::new().await;
    let session = served.open_upload().await;
    let body = vec![7_u8; 3_000_000];
    let digest = Digest::of(&body);
    let after = 1_234_567;
    served.fault(Method::PATCH, "", Action::CutRequest { after });
    let cut = served.request(Method::PATCH, &session).body(body.clone());
    assert!(cut.send().await.is_err());
    served.server.faults().clear();
    let status = served.get(&session).await;
    assert_eq!(header(&status, "range"), format!("0-{}", after - 1));
    let put = served.request(Method::PUT, &format!("{session}?digest={digest}"));
    let rest = body[usize::try_from(after).unwrap()..].to_vec();
    let done = put.body(rest).send().await.unwrap();
    assert_eq!(done.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_request_without_a_body_is_cut_at_once() {
    let served = Served::new().await;
    served.fault(Method::GET, "", Action::CutRequest { after: 0 });
    let request = served.request(Method::GET, "/v2/");
    assert!(request.send().await.is_err());
}

#[tokio::test]
async fn a_lost_answer_is_to_a_request_that_was_carried_out() {
    let served = Served::new().await;
    let session = served.open_upload().await;
    served.fault(Method::PUT, "", Action::LoseAnswer);
    let digest = Digest::of(b"layer");
    let put = served.request(Method::PUT, &format!("{session}?digest={digest}"));
    assert!(put.body("layer").send().await.is_err());
    let blob = format!("/v2/{REPOSITORY}/blobs/{digest}");
    assert_eq!(served.get(&blob).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_stalls_goes_on_when_the_fault_is_released() {
    let served = Served::new().await;
    let digest = served.put_blob(&vec![7; 500_000]).digest;
    let fault = served.fault(Method::GET, "", Action::StallResponse { after: 10 });
    let mut response = served
        .get(&format!("/v2/{REPOSITORY}/blobs/{digest}"))
        .await;
    assert_eq!(response.chunk().await.unwrap().unwrap().len(), 10);
    let log = served.server.access_log();
    assert_eq!(log.entries()[0].response_bytes, 10);
    fault.release();
    assert_eq!(received(response).await, (499_990, false));
}

#[tokio::test]
async fn a_stalled_upload_gives_way_to_a_new_request() {
    let served = Served::new().await;
    let session = served.open_upload().await;
    served.fault(Method::PATCH, "", Action::StallRequest { after: 3 });
    let stalled = served.request(Method::PATCH, &session).body("abcdef");
    let stalled = tokio::spawn(stalled.send());
    let log = served.server.access_log();
    log.until(|entries| entries.iter().any(|entry| entry.request_bytes == 3))
        .await;
    let digest = Digest::of(b"abcdef");
    let put = served
        .request(Method::PUT, &format!("{session}?digest={digest}"))
        .header("content-range", "3-5");
    let done = put.body("def").send().await.unwrap();
    assert_eq!(done.status(), StatusCode::CREATED);
    stalled.abort();
}

#[tokio::test]
async fn a_hanging_request_is_answered_when_the_faults_are_cleared() {
    let served = Served::new().await;
    let fault = served.fault(Method::GET, "", Action::Hang);
    let hanging = tokio::spawn(served.request(Method::GET, "/v2/").send());
    fault.hit_times(1).await;
    served.server.faults().clear();
    assert_eq!(hanging.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn dripping_bodies_arrive_whole() {
    let served = Served::new().await;
    let digest = served.put_blob(&vec![7; 200_000]).digest;
    let rate = 2_000_000;
    served.fault(Method::GET, "", Action::Drip { rate });
    let response = served
        .get(&format!("/v2/{REPOSITORY}/blobs/{digest}"))
        .await;
    assert_eq!(received(response).await, (200_000, false));
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

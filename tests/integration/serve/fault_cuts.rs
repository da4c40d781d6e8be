//! Connections that the fault script cuts, stalls or slows, at the exact byte.

use reqwest::{Method, StatusCode};
use transship::{oci::Digest, serve::Action};

use super::{REPOSITORY, Served, header};

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

//! Start and stop of the server, and the access log.

use std::num::NonZeroU64;

use reqwest::{Method, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use transship::{
    oci::Digest,
    serve::{Action, Fault, Options, Server},
};

use super::{REPOSITORY, Served, header, loopback};

#[tokio::test]
async fn every_answer_says_which_api_it_speaks() {
    let served = Served::new().await;
    for target in ["/v2/", "/v2", "/nothing", "/v2/UPPER/tags/list"] {
        let response = served.get(target).await;
        let version = header(&response, "docker-distribution-api-version");
        assert_eq!(version, "registry/2.0", "{target}");
    }
    let refused = served.send(Method::PUT, "/v2/").await;
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn the_access_log_has_every_request_with_its_bytes() {
    let served = Served::new().await;
    let session = served.open_upload().await;
    let digest = Digest::of(b"layer");
    let finish = format!("{session}?digest={digest}");
    let put = served.request(Method::PUT, &finish).body("layer");
    put.send().await.unwrap();
    let blob = format!("/v2/{REPOSITORY}/blobs/{digest}");
    served.get(&blob).await.bytes().await.unwrap();
    served.send(Method::HEAD, &blob).await;
    let log = served.server.access_log();
    let seen: Vec<_> = log
        .entries()
        .into_iter()
        .map(|entry| {
            let status = entry.status.map(|status| status.as_u16());
            let bytes = (entry.request_bytes, entry.response_bytes);
            (entry.method, entry.target, status, bytes)
        })
        .collect();
    let uploads = format!("/v2/{REPOSITORY}/blobs/uploads/");
    let expected = [
        (Method::POST, uploads, Some(202), (0, 0)),
        (Method::PUT, finish, Some(201), (5, 0)),
        (Method::GET, blob.clone(), Some(200), (0, 5)),
        (Method::HEAD, blob, Some(200), (0, 0)),
    ];
    assert_eq!(seen, expected);
    assert_eq!(log.count(|entry| entry.method == Method::GET), 1);
}

#[tokio::test]
async fn an_early_refusal_can_be_read_by_who_is_still_sending() {
    let served = Served::new().await;
    let unknown = format!("/v2/{REPOSITORY}/blobs/uploads/unknown");
    let patch = served.request(Method::PATCH, &unknown);
    let response = patch.body(vec![7; 200_000]).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_throttled_connection_moves_the_same_bytes() {
    let served = Served::with(|mut options| {
        options.throttle = NonZeroU64::new(2_000_000);
        options
    })
    .await;
    let session = served.open_upload().await;
    let content = vec![7; 200_000];
    let digest = Digest::of(&content);
    let put = served.request(Method::PUT, &format!("{session}?digest={digest}"));
    put.body(content.clone()).send().await.unwrap();
    let blob = format!("/v2/{REPOSITORY}/blobs/{digest}");
    let blob = served.get(&blob).await;
    assert_eq!(blob.bytes().await.unwrap(), content);
}

#[tokio::test]
async fn a_stopped_server_has_answered_what_it_was_asked() {
    let served = Served::new().await;
    let address = served.server.address();
    let hang = Fault::on_any("/v2/", Action::Hang).unwrap();
    let hang = served.server.faults().add(hang);
    let asked = tokio::spawn(served.request(Method::GET, "/v2/").send());
    hang.hit_times(1).await;
    let (_, answer) = tokio::join!(served.server.stop(), async {
        hang.release();
        asked.await.unwrap()
    });
    assert_eq!(answer.unwrap().status(), StatusCode::OK);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_dropped_server_cuts_its_connections() {
    let served = Served::new().await;
    let mut stream = TcpStream::connect(served.server.address()).await.unwrap();
    let hang = Fault::on_any("/v2/", Action::Hang).unwrap();
    let hang = served.server.faults().add(hang);
    stream
        .write_all(b"GET /v2/ HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    hang.hit_times(1).await;
    drop(served.server);
    let mut answer = Vec::new();
    let _reset_or_closed = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
}

#[tokio::test]
async fn content_outlives_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let blob = {
        let server = Server::bind(loopback(), Options::new(directory.path()));
        let server = server.await.unwrap();
        let repository = "a".parse().unwrap();
        let blob = server
            .store()
            .put_blob(&repository, "a/b", &b"layer"[..])
            .unwrap();
        server.stop().await;
        blob
    };
    let again = Server::bind(loopback(), Options::new(directory.path()));
    let again = again.await.unwrap();
    assert!(again.store().has_blob(&"a".parse().unwrap(), &blob.digest));
}

#[tokio::test]
async fn a_taken_port_and_a_file_for_a_directory_are_errors_that_say_so() {
    let served = Served::new().await;
    let directory = tempfile::tempdir().unwrap();
    let address = served.server.address();
    let taken = Server::bind(address, Options::new(directory.path())).await;
    let error = taken.err().unwrap();
    assert_eq!(error.to_string(), format!("listen on {address}"));
    assert!(std::error::Error::source(&error).is_some());
    let file = directory.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let wrong = Server::bind(loopback(), Options::new(&file)).await;
    let message = wrong.err().unwrap().to_string();
    assert!(message.starts_with("open the registry directory "));
}

//! Limits for clients: connections, time, space.

use std::time::Duration;

use reqwest::{Body, Method, StatusCode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};
use transship::oci::Digest;

use super::{REPOSITORY, Served, error_code};

/// Longer than anything here may take. These tests run in paused time.
const FOR_EVER: Duration = Duration::from_secs(24 * 60 * 60);

async fn connect(served: &Served) -> TcpStream {
    TcpStream::connect(served.server.address()).await.unwrap()
}

/// Everything until the server closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let read = timeout(FOR_EVER, stream.read_to_string(&mut text)).await;
    read.expect("the connection is still open").unwrap();
    text
}

/// Sends a request without a body and reads the answer, which is `{}`.
async fn ask(stream: &mut TcpStream, target: &str) {
    let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"{}") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_end_ends_the_connection() {
    let served = Served::new().await;
    let mut stream = connect(&served).await;
    ask(&mut stream, "/v2/").await;
    let start = Instant::now();
    stream.write_all(b"GET /v2/ HTTP/1.1\r\nx:").await.unwrap();
    // A byte now and then does not help.
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(20)).await;
        stream.write_all(b"y").await.unwrap();
    }
    assert_eq!(rest(&mut stream).await, "");
    assert!(
        start.elapsed() < Duration::from_secs(80),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_its_time_and_not_before() {
    let served = Served::new().await;
    let mut stream = connect(&served).await;
    for _ in 0..3 {
        ask(&mut stream, "/v2/").await;
        tokio::time::advance(Duration::from_secs(60)).await;
    }
    ask(&mut stream, "/v2/").await;
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn a_connection_too_many_waits_for_another_to_end() {
    let served = Served::with(|mut options| {
        options.connections.open = 1;
        options
    })
    .await;
    let (mut first, mut second) = (connect(&served).await, connect(&served).await);
    ask(&mut first, "/v2/?first=1").await;
    let waiting = tokio::spawn(async move { ask(&mut second, "/v2/?second=1").await });
    for number in 2..10 {
        ask(&mut first, &format!("/v2/?first={number}")).await;
    }
    assert_eq!(
        served
            .server
            .access_log()
            .count(|entry| entry.target.contains("second")),
        0
    );
    drop(first);
    waiting.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_answered_and_what_came_is_kept() {
    let served = Served::new().await;
    let session = served.open_upload().await;
    let mut stream = connect(&served).await;
    let head = format!("PATCH {session} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc");
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(
        answer.contains("less than 64 KiB arrived in 60 s"),
        "{answer}"
    );
    let status = served.get(&session).await;
    assert_eq!(super::header(&status, "range"), "0-2");
}

#[tokio::test]
async fn a_blob_above_the_limit_is_refused_and_its_session_ends() {
    let served = Served::with(|mut options| {
        options.uploads.blob = 5;
        options
    })
    .await;
    let put = async |session: &str, content: &'static str, is_announced: bool| {
        let target = format!("{session}?digest={}", Digest::of(content.as_bytes()));
        let body = match is_announced {
            true => Body::from(content),
            false => {
                let piece = Ok::<_, std::io::Error>(content);
                Body::wrap_stream(futures_util::stream::iter([piece]))
            }
        };
        let request = served.request(Method::PUT, &target).body(body);
        request.send().await.unwrap()
    };
    for is_announced in [true, false] {
        let session = served.open_upload().await;
        let refused = put(&session, "123456", is_announced).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        assert_eq!(error_code(refused).await, "DENIED");
        assert_eq!(served.get(&session).await.status(), StatusCode::NOT_FOUND);
        let session = served.open_upload().await;
        let taken = put(&session, "12345", is_announced).await;
        assert_eq!(taken.status(), StatusCode::CREATED);
    }
    // Piece by piece as well.
    let session = served.open_upload().await;
    for (piece, status) in [("123", 202), ("456", 403)] {
        let patch = served.request(Method::PATCH, &session).body(piece);
        assert_eq!(patch.send().await.unwrap().status(), status);
    }
}

#[tokio::test(start_paused = true)]
async fn sessions_are_bounded_and_end_when_nobody_goes_on_with_them() {
    let served = Served::with(|mut options| {
        options.uploads.sessions = 1;
        options
    })
    .await;
    let session = served.open_upload().await;
    let uploads = format!("/v2/{REPOSITORY}/blobs/uploads/");
    let refused = served.send(Method::POST, &uploads).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(error_code(refused).await, "TOOMANYREQUESTS");
    let pass = async |hours: u64| tokio::time::advance(Duration::from_secs(hours * 60 * 60)).await;
    pass(23).await;
    let patch = served.request(Method::PATCH, &session).body("abc");
    assert_eq!(patch.send().await.unwrap().status(), StatusCode::ACCEPTED);
    pass(23).await;
    assert_eq!(served.get(&session).await.status(), StatusCode::NO_CONTENT);
    pass(2).await;
    assert_eq!(served.get(&session).await.status(), StatusCode::NOT_FOUND);
    served.open_upload().await;
}

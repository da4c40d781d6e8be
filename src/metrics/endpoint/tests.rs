use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

fn endpoint() -> (SocketAddr, RunningEndpoint) {
    let endpoint = Endpoint::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = endpoint.address();
    let metrics = Arc::new(Metrics::new(Vec::new));
    (address, endpoint.serve(metrics).unwrap())
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// Everything that is answered to `request`.
async fn asked(address: SocketAddr, request: &str) -> String {
    let mut stream = connect(address).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn get(address: SocketAddr, path: &str, headers: &str) -> String {
    asked(
        address,
        &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n"),
    )
    .await
}

#[tokio::test]
async fn a_client_gets_open_metrics_unless_it_names_only_the_text_format() {
    let (address, running) = endpoint();
    let prometheus = "accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n";
    for headers in ["", "accept: */*\r\n", prometheus] {
        let answer = get(address, "/metrics", headers).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
        assert!(answer.contains(kind), "{answer}");
        assert!(answer.ends_with("# EOF\n"), "{answer}");
    }
    let answer = get(address, "/metrics", "accept: text/plain\r\n").await;
    let kind = "content-type: text/plain; version=0.0.4; charset=utf-8\r\n";
    assert!(answer.contains(kind), "{answer}");
    assert!(
        answer.contains(
            "# TYPE transship_retries_total counter
"
        ),
        "{answer}"
    );
    assert!(!answer.contains("# EOF"), "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn its_health_is_told_and_everything_else_is_not_found() {
    let (address, running) = endpoint();
    assert!(get(address, "/healthz", "").await.ends_with("\r\n\r\nok\n"));
    assert!(get(address, "/", "").await.starts_with("HTTP/1.1 404 "));
    assert!(
        get(address, "/metrics/x", "")
            .await
            .starts_with("HTTP/1.1 404 ")
    );
    let post = "POST /metrics HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n";
    assert!(asked(address, post).await.starts_with("HTTP/1.1 405 "));
    running.stop().await;
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let (address, running) = endpoint();
    let head = format!("GET /metrics HTTP/1.1\r\nx: {}", "y".repeat(2 * MAX_HEAD));
    let mut stream = connect(address).await;
    // The endpoint may close before it has read everything.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
        "{answer}"
    );
    running.stop().await;
}

#[tokio::test]
async fn an_address_in_use_is_an_error_and_a_stopped_endpoint_frees_it() {
    let (address, running) = endpoint();
    let error = Endpoint::bind(address).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    running.stop().await;
    Endpoint::bind(address).unwrap();
}

#[tokio::test(start_paused = true)]
async fn clients_that_send_nothing_keep_others_out_for_a_bounded_time() {
    let (address, running) = endpoint();
    let mut silent = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        silent.push(connect(address).await);
    }
    // Time passes as soon as everybody waits.
    assert!(get(address, "/healthz", "").await.ends_with("ok\n"));
    running.stop().await;
}

//! Headers of requests that no answer shows.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    http::{HeaderMap, Uri},
};
use tokio::net::TcpListener;
use transship::registry::{Client, Settings};

type Heads = Arc<Mutex<Vec<(Uri, HeaderMap)>>>;

/// The heads of the requests that listing the tags of a repository sends.
async fn heads() -> Vec<(Uri, HeaderMap)> {
    let heads = Heads::default();
    let seen = Arc::clone(&heads);
    let answer = move |uri: Uri, headers: HeaderMap| async move {
        seen.lock().unwrap().push((uri, headers));
        r#"{"tags": ["1"]}"#
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
    let client = Client::new(address.parse().unwrap(), Settings::default()).unwrap();
    assert_eq!(
        client.tags(&"team/app".parse().unwrap()).await.unwrap(),
        ["1"]
    );
    server.abort();
    std::mem::take(&mut *heads.lock().unwrap())
}

#[tokio::test]
async fn quirk_8_tag_lists_are_asked_for_a_thousand_at_a_time() {
    let heads = heads().await;
    let (list, _) = heads.last().unwrap();
    assert_eq!(
        (list.path(), list.query()),
        ("/v2/team/app/tags/list", Some("n=1000"))
    );
}

#[tokio::test]
async fn quirk_29_every_request_asks_for_the_bytes_as_they_are() {
    for (uri, headers) in heads().await {
        assert_eq!(headers["accept-encoding"], "identity", "{uri}");
    }
}

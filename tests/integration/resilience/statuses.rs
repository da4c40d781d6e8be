//! Status codes that do not mean what the specification says.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use transship::{
    registry::{BlobPresence, Client, FailureClass, Settings},
    serve::{Action, Fault},
};

use super::{MIB, Pair, count, fault_upload, repository, taken};

#[tokio::test]
async fn quirk_48_a_server_that_says_200_to_everything_has_stored_nothing() {
    let pair = Pair::new().await;
    pair.image(&[MIB]);
    let yes = Fault::on_any("/blobs/", Action::answer(200)).unwrap();
    pair.destination.faults().add(yes);
    let error = pair.copy().await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Rejected, "{error}");
    assert!(!error.to_string().is_empty());
}

#[tokio::test]
async fn quirk_48_a_commit_answered_200_counts_once_the_blob_is_there() {
    let pair = Pair::new().await;
    let layers = pair.image(&[MIB]);
    fault_upload(
        &pair,
        Method::PUT,
        u64::MAX,
        Action::ReplaceStatus { status: 200 },
    );
    pair.copies(&layers).await;
    assert_eq!(count(&pair.destination, &Method::HEAD, "/blobs/"), 2);
    let liar = Pair::new().await;
    liar.image(&[MIB]);
    fault_upload(&liar, Method::PUT, u64::MAX, Action::answer(200));
    let error = liar.copy().await.unwrap_err();
    assert!(error.to_string().contains("not there"), "{error}");
}

#[tokio::test]
async fn a_registry_that_takes_pieces_and_never_a_commit_is_given_up() {
    let pair = Pair::new().await;
    pair.image(&[4 * MIB]);
    // After the first commit the blob goes in chunks, and every chunk is progress.
    fault_upload(&pair, Method::PUT, 1, Action::answer(413));
    fault_upload(&pair, Method::PUT, u64::MAX, Action::answer(200));
    let error = pair.copy().await.unwrap_err();
    assert!(error.to_string().contains("not there"), "{error}");
    assert!(count(&pair.destination, &Method::POST, "/blobs/") <= 3);
}

#[tokio::test]
async fn quirk_15_a_mount_that_fails_becomes_an_upload() {
    let pair = Pair::new().await;
    let layers = pair.image(&[MIB]);
    pair.engine.remember(
        &super::registry(&pair.destination),
        &"elsewhere/app".parse().unwrap(),
        &layers[0].digest,
    );
    let refused = Fault::on(Method::POST, "mount=", Action::answer(401)).unwrap();
    let refused = pair.destination.faults().add(refused);
    pair.copies(&layers).await;
    assert_eq!(refused.hits(), 1);
    assert_eq!(taken(&pair.destination, &Method::PUT) / MIB, 1);
}

#[tokio::test]
async fn quirk_19_a_connection_that_speaks_another_protocol_is_dropped_for_another() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let answer: &[u8] = match counted.fetch_add(1, Ordering::SeqCst) {
                // An HTTP/2 SETTINGS frame.
                0 => b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64",
                _ => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            };
            stream.write_all(answer).await.unwrap();
        }
    });
    let client = Client::new(address.to_string().parse().unwrap(), Settings::default()).unwrap();
    let digest = transship::oci::Digest::of(b"");
    let found = client.blob_presence(&repository(), &digest, 0).await;
    assert!(matches!(found, Ok(BlobPresence::Absent)), "{found:?}");
    assert!(connections.load(Ordering::SeqCst) >= 3);
    server.abort();
}

//! A real registry behind a connection that is cut. `docker-registry` 2.8 keeps no session whose body was
//! cut: the offset in the old `_state` is not that of the file, and it cancels the upload.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use transship::{copy::CopyOutcome, oci::Registry, registry::BlobPresence};

use super::{MIB, Pair, repository};
use crate::docker_registry::DockerRegistry;

/// Forwards connections to `to`; the first that sends more than `after` bytes is cut there.
async fn cut_once(to: String, after: u64) -> (Registry, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let spent = Arc::new(AtomicBool::new(false));
    let proxy = tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let server = TcpStream::connect(&to).await.unwrap();
            tokio::spawn(forward(client, server, after, Arc::clone(&spent)));
        }
    });
    (address.parse().unwrap(), proxy)
}

async fn forward(client: TcpStream, server: TcpStream, after: u64, spent: Arc<AtomicBool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let back = async {
        tokio::io::copy(&mut from_server, &mut to_client)
            .await
            .is_ok()
    };
    let forth = async {
        let mut buffer = vec![0; 64 * 1024];
        let mut sent = 0;
        loop {
            match from_client.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => {
                    sent += read as u64;
                    if sent > after && !spent.swap(true, Ordering::SeqCst) {
                        return;
                    }
                    if to_server.write_all(&buffer[..read]).await.is_err() {
                        return;
                    }
                }
            }
        }
    };
    tokio::select! {
        _ = back => {}
        () = forth => {}
    }
}

#[tokio::test]
async fn a_cut_upload_begins_again_where_the_session_is_lost() {
    let Some(real) = DockerRegistry::start().await else {
        return;
    };
    let pair = Pair::new().await;
    let layers = pair.image(&[30 * MIB]);
    let (registry, proxy) = cut_once(real.address().to_owned(), 10 * MIB).await;
    let done = pair.copy_to(&registry).await;
    assert!(matches!(done, Ok(CopyOutcome::Copied { .. })), "{done:?}");
    let client = pair.engine.clients().get(&registry).unwrap();
    let there = client
        .blob_presence(&repository(), &layers[0].digest, 30 * MIB)
        .await;
    assert_eq!(there.unwrap(), BlobPresence::Present);
    let requests = real.requests().await;
    let asked = requests
        .iter()
        .filter(|request| request.method == Method::GET.as_str())
        .filter(|request| request.target.contains("/blobs/uploads/"));
    // Once is enough to learn that the session is gone.
    assert_eq!(asked.count(), 1);
    proxy.abort();
}

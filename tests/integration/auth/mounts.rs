//! Mounts need a token for two repositories, which some token servers refuse.

use std::sync::Arc;

use reqwest::Method;
use transship::{
    oci::{Descriptor, MediaType},
    registry::{Client, UploadStart},
    serve::{Action, Fault},
};

use super::{Guarded, operator, repository};

/// A registry with a blob in `from/a`.
async fn with_blob() -> (Guarded, Descriptor) {
    let guarded = Guarded::with_tokens().await;
    let store = guarded.server.store();
    let blob = store.put_blob(
        &repository("from/a"),
        MediaType::OCI_LAYER_GZIP,
        &b"a layer"[..],
    );
    (guarded, blob.unwrap())
}

async fn mount(client: &Arc<Client>, blob: &Descriptor) -> UploadStart {
    let (into, from) = (repository("to/b"), repository("from/a"));
    let mount = client.mount_blob(&into, &blob.digest, blob.size, &from);
    mount.await.unwrap()
}

fn union_tokens(guarded: &Guarded) -> usize {
    guarded.server.access_log().count(|entry| {
        entry.target.starts_with("/token") && entry.target.matches("scope=").count() == 2
    })
}

#[tokio::test]
async fn one_token_for_both_repositories_is_enough_to_mount() {
    let (guarded, blob) = with_blob().await;
    let client = guarded.client(operator());
    assert!(matches!(mount(&client, &blob).await, UploadStart::Mounted));
    assert_eq!(
        (union_tokens(&guarded), guarded.count("GET", "/token")),
        (1, 1)
    );
}

#[tokio::test]
async fn quirk_21_a_union_refused_by_the_token_server_is_narrowed() {
    let (guarded, blob) = with_blob().await;
    let refuse = Fault::on(Method::GET, "^/token.*scope=.*scope=", Action::answer(403)).unwrap();
    guarded.server.faults().add(refuse);
    let client = guarded.client(operator());
    for _ in 0..2 {
        assert!(matches!(
            mount(&client, &blob).await,
            UploadStart::Session(_)
        ));
    }
    // The second mount does not ask for it again.
    assert_eq!(union_tokens(&guarded), 1);
}

#[tokio::test]
async fn quirk_21_a_union_refused_by_the_registry_is_narrowed() {
    let (guarded, blob) = with_blob().await;
    let refuse = Fault::on(Method::POST, "mount=", Action::answer(403)).unwrap();
    guarded.server.faults().add(refuse.times(1));
    let client = guarded.client(operator());
    for _ in 0..2 {
        mount(&client, &blob).await;
    }
    assert_eq!(union_tokens(&guarded), 1);
    let mounts = guarded
        .server
        .access_log()
        .count(|entry| entry.target.contains("mount="));
    assert_eq!(mounts, 3);
}

#[tokio::test]
async fn quirk_15_an_unreadable_source_repository_costs_the_mount_not_the_upload() {
    let (guarded, blob) = with_blob().await;
    let refuse = |(method, target)| {
        let refuse = Fault::on(method, target, Action::answer(401)).unwrap();
        guarded.server.faults().add(refuse)
    };
    let refused = [(Method::GET, "^/token.*from"), (Method::POST, "mount=")].map(refuse);
    let client = guarded.client(operator());
    assert!(matches!(
        mount(&client, &blob).await,
        UploadStart::Session(_)
    ));
    assert_eq!(refused.map(|fault| fault.hits()), [1, 1]);
}

//! A real client: skopeo pushes, copies, lists, inspects and deletes.

use std::{
    path::{Path, PathBuf},
    process::Output,
};

use serde_json::Value;
use tokio::process::Command;
use transship::{
    oci::{Digest, MediaType, Tag},
    serve::{Auth, Credentials, TokenAuth},
};

use super::{Served, repository};
use crate::installed;

fn skopeo() -> Option<PathBuf> {
    installed::program("skopeo")
}

async fn run(program: &Path, arguments: &[&str]) -> Output {
    Command::new(program)
        .arg("--insecure-policy")
        .args(arguments)
        .output()
        .await
        .unwrap()
}

async fn succeed(program: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = run(program, arguments).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    output.stdout
}

/// An index of two images in the test repository, as `v1`.
fn put_index(served: &Served) -> Digest {
    let mut children = Vec::new();
    for architecture in ["amd64", "arm64"] {
        let mut child = served.put_image(architecture, architecture.as_bytes());
        child.platform = Some(format!("linux/{architecture}").parse().unwrap());
        children.push(child);
    }
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": children,
    });
    let tag: Tag = "v1".parse().unwrap();
    let store = served.server.store();
    let bytes = index.to_string();
    store
        .put_manifest(
            &repository(),
            Some(&tag),
            MediaType::OCI_INDEX,
            bytes.as_bytes(),
        )
        .unwrap()
        .digest
}

fn json(output: &[u8]) -> Value {
    serde_json::from_slice(output).unwrap()
}

#[tokio::test]
async fn skopeo_copies_an_index_through_a_layout_and_gets_the_same_digest() {
    let Some(skopeo) = skopeo() else { return };
    let (source, destination) = (Served::new().await, Served::new().await);
    let digest = put_index(&source);
    let directory = tempfile::tempdir().unwrap();
    let layout = format!("oci:{}:v1", directory.path().join("layout").display());
    let source = format!("docker://{}/team/app:v1", source.server.address());
    let there = destination.server.address();
    let copied = format!("docker://{there}/copied/app:v1");
    let again = format!("docker://{there}/again/app:v1");
    // The layers are not really compressed, which skopeo would make up for.
    let copy = [
        "copy",
        "--all",
        "--preserve-digests",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
    ];
    for (from, to) in [(&source, &layout), (&layout, &copied), (&copied, &again)] {
        succeed(&skopeo, &[&copy[..], &[from, to]].concat()).await;
    }
    for image in [&copied, &again] {
        let raw = ["inspect", "--raw", "--tls-verify=false", image];
        assert_eq!(Digest::of(&succeed(&skopeo, &raw).await), digest);
    }
    let repositories = destination.server.store().repositories().unwrap();
    assert_eq!(repositories, ["again/app", "copied/app"]);
}

#[tokio::test]
async fn skopeo_inspects_lists_and_deletes() {
    let Some(skopeo) = skopeo() else { return };
    let served = Served::new().await;
    let digest = served.put_image("v1", b"one").digest;
    served.put_image("v2", b"two");
    let repository = format!("docker://{}/team/app", served.server.address());
    let image = format!("{repository}:v1");
    let inspected = succeed(&skopeo, &["inspect", "--tls-verify=false", &image]).await;
    assert_eq!(json(&inspected)["Digest"], digest.to_string());
    assert_eq!(json(&inspected)["Architecture"], "amd64");
    let list = ["list-tags", "--tls-verify=false", &repository];
    let tags = |listed: Vec<u8>| json(&listed)["Tags"].clone();
    let both = serde_json::json!(["v1", "v2"]);
    assert_eq!(tags(succeed(&skopeo, &list).await), both);
    succeed(&skopeo, &["delete", "--tls-verify=false", &image]).await;
    let left = serde_json::json!(["v2"]);
    assert_eq!(tags(succeed(&skopeo, &list).await), left);
}

#[tokio::test]
async fn skopeo_gets_in_by_basic_and_by_token() {
    let Some(skopeo) = skopeo() else { return };
    let credentials = || Credentials::new("operator", "secret");
    let token = TokenAuth {
        credentials: credentials(),
        lifetime: std::time::Duration::from_secs(60),
        anonymous_pull: false,
    };
    for auth in [Auth::Basic(credentials()), Auth::Token(token)] {
        let served = Served::with(|mut options| {
            options.auth = auth;
            options
        })
        .await;
        served.put_image("v1", b"layer");
        let image = format!("docker://{}/team/app:v1", served.server.address());
        let copy = format!("docker://{}/team/copy:v1", served.server.address());
        let copied = [
            "copy",
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
            "--src-creds=operator:secret",
            "--dest-creds=operator:secret",
            &image,
            &copy,
        ];
        succeed(&skopeo, &copied).await;
        let inspect = ["inspect", "--tls-verify=false", "--no-creds", &image];
        let refused = run(&skopeo, &inspect).await;
        assert!(!refused.status.success());
    }
}

//! Redirects: to storage, to other hosts, and to private addresses.

use std::sync::Arc;

use axum::{body::Body, http::Response};
use bytes::Bytes;
use transship::{
    oci::Digest,
    registry::{Client, Error, Proxy, Settings},
};

use super::{
    USER, operator, repository,
    stub::{Asked, Stub, answer, challenge},
};

const CONTENT: &str = "a layer";

/// A registry that requires a token and redirects blobs to `storage`.
async fn redirecting_to(storage: &Stub) -> Stub {
    let storage = storage.address;
    Stub::start(move |asked| registry(asked, &format!("http://{storage}/blob?sig=s"))).await
}

fn registry(asked: &Asked, storage: &str) -> Response<Body> {
    match asked.header("authorization") {
        Some(_) if asked.is("GET", "/token") => answer(200, &[], r#"{"token":"own"}"#),
        Some("Bearer own") => answer(307, &[("location", storage)], ""),
        _ => challenge(asked.header("host").unwrap()),
    }
}

async fn read(registry: &Stub) -> Result<Bytes, Error> {
    let settings = Settings {
        credentials: operator(),
        ..Settings::default()
    };
    let client = Client::new(registry.address.to_string().parse().unwrap(), settings)?;
    let digest = Digest::of(CONTENT.as_bytes());
    let mut blob = Arc::new(client)
        .read_blob(&repository("a"), &digest, 0)
        .await?;
    Ok(blob.next().await?.unwrap_or_default())
}

#[tokio::test]
async fn quirk_33_storage_sees_no_credentials() {
    let storage = Stub::start(|_| answer(200, &[], CONTENT)).await;
    let registry = redirecting_to(&storage).await;
    assert_eq!(read(&registry).await.unwrap(), CONTENT);
    let asked = storage.asked();
    assert_eq!(asked[0].target, "/blob?sig=s");
    assert!(
        asked
            .iter()
            .all(|asked| asked.header("authorization").is_none())
    );
}

#[tokio::test]
async fn quirk_34_a_redirected_host_gets_a_token_of_its_own_and_no_credentials() {
    let storage = Stub::start(|asked| match asked.header("authorization") {
        _ if asked.is("GET", "/token") => answer(200, &[], r#"{"token":"theirs"}"#),
        Some("Bearer theirs") => answer(200, &[], CONTENT),
        _ => {
            let host = asked.header("host").unwrap();
            let challenge =
                format!("Bearer realm=\"http://{host}/token\",scope=\"repository:mirror/a:pull\"");
            answer(401, &[("www-authenticate", &challenge)], "")
        }
    })
    .await;
    let registry = redirecting_to(&storage).await;
    assert_eq!(read(&registry).await.unwrap(), CONTENT);

    let asked = storage.asked();
    let token = asked
        .iter()
        .find(|asked| asked.is("GET", "/token"))
        .unwrap();
    assert_eq!(token.target, "/token?scope=repository%3Amirror%2Fa%3Apull");
    assert_eq!(token.header("authorization"), None);
    let shown = format!("{asked:?}");
    assert!(
        !shown.contains(USER) && !shown.contains("Bearer own"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_redirected_host_that_asks_for_a_password_gets_none() {
    let wants = [("www-authenticate", "Basic realm=\"storage\"")];
    let storage = Stub::start(move |_| answer(401, &wants, "")).await;
    let registry = redirecting_to(&storage).await;
    assert_eq!(read(&registry).await.unwrap_err().status(), Some(401));
    assert!(
        storage
            .asked()
            .iter()
            .all(|asked| asked.header("authorization").is_none())
    );
}

/// Reads a blob of the public `r.example` through a proxy that answers itself.
async fn read_of_public(
    answers: impl Fn(&Asked) -> Response<Body> + Send + Sync + 'static,
) -> (String, Vec<Asked>) {
    let proxy = Stub::start(answers).await;
    let settings = Settings {
        credentials: operator(),
        plain_http: Some(true),
        proxy: Proxy::Url(format!("http://{}", proxy.address).parse().unwrap()),
        ..Settings::default()
    };
    let client = Client::new("r.example".parse().unwrap(), settings).unwrap();
    let digest = Digest::of(CONTENT.as_bytes());
    let read = Arc::new(client)
        .read_blob(&repository("a"), &digest, 0)
        .await;
    (read.err().unwrap().to_string(), proxy.asked())
}

#[tokio::test]
async fn quirk_35_the_realm_of_a_public_registry_does_not_lead_inside() {
    let (error, asked) = read_of_public(|_| challenge("169.254.169.254")).await;
    assert!(
        error.contains("token realm") && error.contains("to a private address"),
        "{error}"
    );
    assert!(
        asked
            .iter()
            .all(|asked| asked.target.starts_with("http://r.example/"))
    );
}

#[tokio::test]
async fn quirk_35_a_location_of_a_public_registry_does_not_lead_inside() {
    let (error, asked) = read_of_public(|asked| match asked.is("GET", "http://r.example/token") {
        true => answer(200, &[], r#"{"token":"own"}"#),
        false if asked.header("authorization").is_none() => challenge("r.example"),
        false => answer(307, &[("location", "http://10.0.0.1/blob")], ""),
    })
    .await;
    assert!(
        error.contains("Location") && error.contains("to a private address"),
        "{error}"
    );
    assert!(
        asked
            .iter()
            .all(|asked| asked.target.starts_with("http://r.example/"))
    );
}

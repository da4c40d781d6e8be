//! Proxies: configured for one registry, or from the environment, which only a separate process can set.

use std::process::Output;

use tokio::process::Command;
use transship::registry::{Client, Proxy, Settings};

use super::{
    repository,
    stub::{Stub, answer},
};

async fn proxy() -> Stub {
    Stub::start(|_| answer(200, &[], r#"{"tags":[]}"#)).await
}

async fn ask(registry: &str, proxy: Proxy) -> bool {
    let settings = Settings {
        plain_http: Some(true),
        proxy,
        ..Settings::default()
    };
    let client = Client::new(registry.parse().unwrap(), settings).unwrap();
    client.tags(&repository("a")).await.is_ok()
}

#[tokio::test]
async fn a_configured_proxy_is_asked_instead_of_the_registry() {
    let proxy = proxy().await;
    let url = format!("http://me:secret@{}", proxy.address);
    assert!(ask("r.example", Proxy::Url(url.parse().unwrap())).await);
    let asked = proxy.asked();
    assert!(
        asked[0].target.starts_with("http://r.example/v2/"),
        "{asked:?}"
    );
    assert!(asked[0].header("proxy-authorization").is_some());
}

#[tokio::test]
async fn loopback_is_reached_without_a_proxy() {
    let (proxy, registry) = (proxy().await, proxy().await);
    let url = format!("http://{}", proxy.address).parse().unwrap();
    assert!(ask(&registry.address.to_string(), Proxy::Url(url)).await);
    assert!(proxy.asked().is_empty());
}

const ASKED: &str = "TRANSSHIP_TEST_ASKED_REGISTRY";

/// Runs the next test in a process whose environment names a proxy.
async fn in_environment(registry: &str, environment: &[(&str, &str)]) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "auth::proxies::asked_from_another_process"])
        .env_remove("REQUEST_METHOD")
        .envs(environment.iter().copied())
        .env(ASKED, registry)
        .output()
        .await
        .unwrap()
}

#[tokio::test]
async fn asked_from_another_process() {
    // Does nothing unless a test below sets the environment.
    if let Ok(registry) = std::env::var(ASKED) {
        assert!(ask(&registry, Proxy::Environment).await);
    }
}

#[tokio::test]
async fn the_proxy_of_the_environment_is_used() {
    let proxy = proxy().await;
    let url = format!("http://{}", proxy.address);
    let output = in_environment("r.example", &[("http_proxy", &url)]).await;
    assert!(output.status.success(), "{output:?}");
    assert!(proxy.asked()[0].target.starts_with("http://r.example/v2/"));
}

#[tokio::test]
async fn no_proxy_in_the_environment_is_respected() {
    let proxy = proxy().await;
    let url = format!("http://{}", proxy.address);
    let environment = [("http_proxy", &*url), ("no_proxy", ".invalid")];
    let output = in_environment("r.invalid", &environment).await;
    assert!(!output.status.success());
    assert!(proxy.asked().is_empty());
}

//! Tokens: fetched, shared, renewed, refused.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, join_all},
    poll,
};
use reqwest::Method;
use transship::{
    batch::Millis,
    oci::{Digest, Repository},
    registry::{
        Client, Credential, CredentialProvider, Credentials, FailureClass, ProviderError, Settings,
    },
    serve::{Action, Fault},
};

use super::{
    Guarded, PASSWORD, USER, operator, repository,
    stub::{self, Asked, Stub},
    v1,
};

/// Returns the first of `credentials` until it is refused, then the next.
#[derive(Debug)]
struct OneAfterAnother {
    credentials: Vec<Credential>,
    refused: AtomicUsize,
}

impl OneAfterAnother {
    fn of(credentials: impl IntoIterator<Item = Credential>) -> Arc<Self> {
        Arc::new(Self {
            credentials: credentials.into_iter().collect(),
            refused: AtomicUsize::new(0),
        })
    }

    fn current(&self) -> &Credential {
        let last = self.credentials.len() - 1;
        &self.credentials[self.refused.load(SeqCst).min(last)]
    }
}

impl CredentialProvider for OneAfterAnother {
    fn credential<'a>(
        &'a self,
        _: Option<&'a Repository>,
        refused: Option<&'a Credential>,
    ) -> BoxFuture<'a, Result<Credential, ProviderError>> {
        if refused == Some(self.current()) {
            self.refused.fetch_add(1, SeqCst);
        }
        async { Ok(self.current().clone()) }.boxed()
    }
}

fn basic(password: &str) -> Credential {
    Credential::Basic {
        username: USER.into(),
        password: password.into(),
    }
}

fn identity(token: &str) -> Credential {
    Credential::Identity {
        username: "<token>".into(),
        token: token.into(),
    }
}

#[tokio::test]
async fn quirk_37_many_requests_share_one_token_fetch() {
    let guarded = Guarded::with_tokens().await;
    guarded.put_image("team/app");
    let client = guarded.client(operator());
    let repository = repository("team/app");
    let heads = (0..20).map(|_| async { client.manifest_head(&repository, &v1()).await.unwrap() });
    assert!(join_all(heads).await.iter().all(Option::is_some));
    assert_eq!(guarded.count("GET", "/token"), 1);
    assert_eq!(guarded.count("GET", "/v2/"), 1);
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once() {
    let guarded = Guarded::with_tokens().await;
    guarded.put_image("team/app");
    let client = guarded.client(operator());
    let repository = repository("team/app");
    client.manifest_head(&repository, &v1()).await.unwrap();
    let expire = Fault::on(Method::HEAD, "/manifests/", Action::ExpireTokens).unwrap();
    guarded.server.faults().add(expire.times(1));
    assert!(
        client
            .manifest_head(&repository, &v1())
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(guarded.count("GET", "/token"), 2);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let guarded = Guarded::with_tokens().await;
    guarded.put_image("team/app");
    let client = guarded.client(operator());
    let repository = repository("team/app");
    client.manifest_head(&repository, &v1()).await.unwrap();
    for (seconds, fetches) in [(239, 1), (2, 2)] {
        // Only while no request is in flight, whose deadline would pass too.
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        tokio::time::resume();
        client.manifest_head(&repository, &v1()).await.unwrap();
        assert_eq!(guarded.count("GET", "/token"), fetches);
    }
}

#[tokio::test]
async fn a_token_that_expires_while_the_registry_is_paused_is_renewed_before_the_request() {
    let guarded = Guarded::with_tokens().await;
    guarded.put_image("team/app");
    let client = guarded.client(operator());
    let repository = repository("team/app");
    client.manifest_head(&repository, &v1()).await.unwrap();
    // Only while no request is in flight, whose deadline would pass too.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(235)).await;
    client.limiter().throttle(Duration::from_secs(9));
    let version = v1();
    let mut head = pin!(client.manifest_head(&repository, &version));
    assert!(poll!(&mut head).is_pending());
    tokio::time::advance(Duration::from_secs(10)).await;
    tokio::time::resume();
    assert!(head.await.unwrap().is_some());
    assert_eq!(guarded.count("GET", "/token"), 2);
}

#[tokio::test]
async fn quirk_36_a_token_that_expires_during_a_body_is_a_cut() {
    let guarded = Guarded::with_tokens().await;
    let client = guarded.client(operator());
    let repository = repository("team/app");
    let content = b"a layer";
    let digest = Digest::of(content);
    let session = client.begin_upload(&repository).await.unwrap();
    let expire = Fault::on(Method::PUT, "/uploads/", Action::ExpireTokens).unwrap();
    guarded.server.faults().add(expire.times(1));
    let body = || {
        let bytes = futures_util::stream::iter([Ok::<_, std::io::Error>(&content[..])]);
        reqwest::Body::wrap_stream(bytes)
    };
    let size = content.len() as u64;
    let cut = client.send_blob(&session, &digest, 0, size, body()).await;
    let transient = FailureClass::Transient {
        retry_after_ms: None,
    };
    assert_eq!(cut.unwrap_err().class(), transient);

    let (offset, session) = client.ask_upload(&session).await.unwrap().unwrap();
    assert_eq!(offset, 0);
    let sent = client.send_blob(&session, &digest, 0, size, body()).await;
    sent.unwrap();
}

#[tokio::test]
async fn an_identity_token_goes_by_post() {
    let guarded = Guarded::with_tokens().await;
    guarded.put_image("team/app");
    let http = reqwest_client();
    let url = format!("http://{}/token?offline_token=true", guarded.name());
    let answer = http.get(url).basic_auth(USER, Some(PASSWORD)).send().await;
    let answer = answer.unwrap().bytes().await.unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    let refresh = answer["refresh_token"].as_str().unwrap();
    let client = guarded.client(Credentials::Provided(OneAfterAnother::of([identity(
        refresh,
    )])));
    let found = client.manifest_head(&repository("team/app"), &v1()).await;
    assert!(found.unwrap().is_some());
    assert_eq!(guarded.count("POST", "/token"), 1);
}

fn reqwest_client() -> reqwest::Client {
    // reqwest configures TLS also for a client that does not use it.
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A registry with only new repositories, whose token server does not support POST.
async fn without_post(status: u16) -> Stub {
    Stub::start(move |asked| match asked.header("authorization") {
        _ if asked.is("POST", "/token") => stub::answer(status, &[], ""),
        Some("Basic PHRva2VuPjpyZWZyZXNo") if asked.is("GET", "/token") => {
            stub::answer(200, &[], r#"{"access_token":"t"}"#)
        }
        Some("Bearer t") => stub::answer(404, &[], ""),
        _ => stub::challenge(asked.header("host").unwrap()),
    })
    .await
}

#[tokio::test]
async fn quirk_12_a_token_server_without_post_is_asked_by_get() {
    for status in [400, 401, 404, 405] {
        let stub = without_post(status).await;
        let settings = Settings {
            credentials: Credentials::Provided(OneAfterAnother::of([identity("refresh")])),
            ..Settings::default()
        };
        let client = Client::new(stub.address.to_string().parse().unwrap(), settings).unwrap();
        for name in ["a", "b"] {
            assert!(client.is_new_repository(&repository(name)).await.unwrap());
        }
        let asked = stub.asked();
        let count = |method| {
            asked
                .iter()
                .filter(|asked| asked.is(method, "/token"))
                .count()
        };
        assert_eq!((count("POST"), count("GET")), (1, 2), "{status}");
        let post = asked
            .iter()
            .find(|asked| asked.is("POST", "/token"))
            .unwrap();
        assert_eq!(
            post.body,
            "grant_type=refresh_token&client_id=transship&refresh_token=refresh\
             &service=stub&scope=repository%3Aa%3Apull%2Cpush"
        );
        assert!(
            !asked
                .iter()
                .any(|asked| asked.target.contains("offline_token"))
        );
    }
}

#[tokio::test]
async fn quirk_51_a_401_without_a_challenge_is_answered_by_what_v2_said() {
    let guarded = Guarded::with_tokens().await;
    guarded.put_image("team/app");
    let bare = Fault::on(Method::HEAD, "/manifests/", Action::answer(401)).unwrap();
    guarded.server.faults().add(bare.times(1));
    let client = guarded.client(operator());
    let found = client.manifest_head(&repository("team/app"), &v1()).await;
    assert!(found.unwrap().is_some());
}

#[tokio::test]
async fn a_busy_token_server_pauses_the_registry_for_as_long_as_it_says() {
    let guarded = Guarded::with_tokens().await;
    let busy = Action::answer(429).header("retry-after", "7");
    guarded
        .server
        .faults()
        .add(Fault::on(Method::GET, "/token", busy).unwrap());
    let client = guarded.client(operator());
    let error = client
        .manifest_head(&repository("a"), &v1())
        .await
        .unwrap_err();
    let retry_after_ms = Some(Millis(7000));
    assert_eq!(error.class(), FailureClass::Transient { retry_after_ms });
    assert!(error.url.unwrap().ends_with("/token"));
    assert!(client.status().throttled_ms.is_some());
}

#[tokio::test]
async fn a_token_server_that_is_not_there_does_not_make_an_image_absent() {
    let guarded = Guarded::with_tokens().await;
    let absent = Fault::on(Method::GET, "/token", Action::answer(404)).unwrap();
    guarded.server.faults().add(absent);
    let client = guarded.client(operator());
    let error = client
        .manifest_head(&repository("a"), &v1())
        .await
        .unwrap_err();
    assert_eq!(error.class(), FailureClass::Auth);
}

#[tokio::test]
async fn credentials_are_looked_up_again_after_a_refusal() {
    for guarded in [
        Guarded::with_tokens().await,
        Guarded::with_passwords().await,
    ] {
        guarded.put_image("team/app");
        let provider = OneAfterAnother::of([basic("expired"), basic(PASSWORD)]);
        let client = guarded.client(Credentials::Provided(provider));
        let found = client.manifest_head(&repository("team/app"), &v1()).await;
        assert!(found.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_wrong_password_is_an_error_that_does_not_show_it() {
    for guarded in [
        Guarded::with_tokens().await,
        Guarded::with_passwords().await,
    ] {
        let wrong = OneAfterAnother::of([basic("swordfish")]);
        let client = guarded.client(Credentials::Provided(wrong));
        for error in [
            client
                .manifest_head(&repository("a"), &v1())
                .await
                .unwrap_err(),
            client.check_credentials().await.unwrap_err(),
        ] {
            assert_eq!(error.class(), FailureClass::Auth);
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("swordfish"), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_refused_anonymous_request_says_that_credentials_are_missing() {
    for guarded in [
        Guarded::with_tokens().await,
        Guarded::with_passwords().await,
    ] {
        let client = guarded.client(Credentials::Provided(OneAfterAnother::of([
            Credential::Anonymous,
        ])));
        let error = client
            .manifest_head(&repository("a"), &v1())
            .await
            .unwrap_err();
        assert_eq!(error.class(), FailureClass::Auth);
        let shown = error.to_string();
        assert!(shown.contains("none are configured or stored"), "{shown}");
    }
}

#[tokio::test]
async fn the_right_credentials_pass_the_check() {
    for guarded in [
        Guarded::with_tokens().await,
        Guarded::with_passwords().await,
        Guarded::open().await,
    ] {
        guarded
            .client(operator())
            .check_credentials()
            .await
            .unwrap();
    }
}

/// A registry whose token realm redirects to `location`, and its requests. The token is at `/auth/token`.
async fn redirecting(status: u16, location: String, credential: Credential) -> (Client, Stub) {
    let stub = Stub::start(move |asked| {
        let proven = asked.header("authorization") == Some(&basic_header())
            || asked.body.contains("refresh_token=refresh");
        match asked.header("authorization") {
            Some("Bearer t") => stub::answer(404, &[], ""),
            _ if asked.target.starts_with("/token") => {
                stub::answer(status, &[("location", &*location)], "")
            }
            _ if asked.target.starts_with("/auth/token") && proven => {
                stub::answer(200, &[], r#"{"token":"t"}"#)
            }
            _ if asked.target.starts_with("/auth/token") => stub::answer(401, &[], ""),
            _ => stub::challenge(asked.header("host").unwrap()),
        }
    })
    .await;
    let settings = Settings {
        credentials: Credentials::Provided(OneAfterAnother::of([credential])),
        ..Settings::default()
    };
    let client = Client::new(stub.address.to_string().parse().unwrap(), settings).unwrap();
    (client, stub)
}

fn basic_header() -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"))
    )
}

#[tokio::test]
async fn a_token_server_that_redirects_within_itself_is_followed() {
    for status in [301, 302, 303, 307, 308] {
        let to = "/auth/token".to_owned();
        let (client, _stub) = redirecting(status, to, basic(PASSWORD)).await;
        let new = client.is_new_repository(&repository("a")).await;
        assert!(new.unwrap(), "{status}");
    }
    // A form is sent again only if the redirect keeps the method.
    for (status, methods) in [(308, ["POST", "POST"]), (302, ["POST", "GET"])] {
        let (client, stub) = redirecting(status, "/auth/token".into(), identity("refresh")).await;
        let new = client.is_new_repository(&repository("a")).await;
        assert_eq!(new.is_ok(), status == 308, "{status}");
        let asked = stub.asked();
        let tokens = asked.iter().filter(|asked| asked.target.contains("token"));
        let seen: Vec<_> = tokens.take(2).map(|asked| &*asked.method).collect();
        assert_eq!(seen, methods);
    }
}

#[tokio::test]
async fn a_token_server_that_redirects_to_another_host_or_in_circles_gets_no_secret_there() {
    let other = Stub::start(|_| stub::answer(200, &[], r#"{"token":"t"}"#)).await;
    let to = format!("http://{}/auth/token", other.address);
    for credential in [basic(PASSWORD), identity("refresh")] {
        let (client, _stub) = redirecting(307, to.clone(), credential).await;
        let error = client.is_new_repository(&repository("a")).await;
        let error = error.unwrap_err();
        assert!(
            error.to_string().contains("which is not followed"),
            "{error}"
        );
        assert_eq!(error.class(), FailureClass::Rejected);
    }
    assert!(other.asked().is_empty());
    let (client, stub) = redirecting(307, "/token".into(), basic(PASSWORD)).await;
    let error = client.is_new_repository(&repository("a")).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("in circles"), "{error}");
    assert!(stub.asked().len() < 10);
}

#[tokio::test]
async fn a_secret_that_a_server_repeats_is_masked() {
    // Returns all it received, as text and in an error document.
    let echo = |asked: &Asked| {
        let said = format!("you sent {:?} {}", asked.headers, asked.body);
        match asked.target.contains("document") {
            false => said,
            true => {
                let errors = [serde_json::json!({"code": "DENIED", "message": said})];
                serde_json::json!({ "errors": errors }).to_string()
            }
        }
    };
    let by_registry = Stub::start(move |asked| match asked.header("authorization") {
        Some(_) if asked.is("GET", "/token") => {
            stub::answer(200, &[], r#"{"token":"eyJhbGciOiJFUzI1NiJ9.e30.c2ln"}"#)
        }
        Some(_) => stub::answer(403, &[], &echo(asked)),
        None => stub::challenge(asked.header("host").unwrap()),
    });
    let by_token_server = Stub::start(move |asked| match asked.target.contains("/token") {
        true => stub::answer(401, &[], &echo(asked)),
        false => stub::challenge(asked.header("host").unwrap()),
    });
    let by_basic = Stub::start(move |asked| {
        let wants = [("www-authenticate", "Basic realm=\"r\"")];
        stub::answer(401, &wants, &echo(asked))
    });
    for (server, credential) in [
        (by_registry.await, basic(PASSWORD)),
        (by_token_server.await, basic(PASSWORD)),
        (by_basic.await, basic(PASSWORD)),
    ] {
        for name in ["text", "document"] {
            let settings = Settings {
                credentials: Credentials::Provided(OneAfterAnother::of([credential.clone()])),
                ..Settings::default()
            };
            let client = Client::new(server.address.to_string().parse().unwrap(), settings);
            let error = client.unwrap().tags(&repository(name)).await.unwrap_err();
            let told = format!("{error} {error:?}");
            assert!(told.contains("you sent") && told.contains("***"), "{told}");
            for secret in [
                PASSWORD,
                basic_header().trim_start_matches("Basic "),
                "eyJhbGci",
            ] {
                assert!(!told.contains(secret), "{told}");
            }
        }
    }
}

//! Authorization: Basic and tokens.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use transship::serve::{Action, Auth, Credentials, Fault, TokenAuth};

use super::{REPOSITORY, Served, error_code, header};

const USER: &str = "operator";
const PASSWORD: &str = "s:cret";

async fn with_tokens(lifetime: Duration) -> Served {
    Served::with(|mut options| {
        options.auth = Auth::Token(TokenAuth {
            credentials: Credentials::new(USER, PASSWORD),
            lifetime,
            anonymous_pull: true,
        });
        options
    })
    .await
}

impl Served {
    async fn with_token(&self, method: Method, target: &str, token: &str) -> Response {
        let request = self.request(method, target).bearer_auth(token);
        request.send().await.unwrap()
    }

    /// A token for `scope`, given to `user` or to nobody in particular.
    async fn token(&self, scope: &str, user: Option<&str>) -> Value {
        let request = self.request(
            Method::GET,
            &format!("/token?service=transship&scope={scope}&offline_token=true"),
        );
        let request = match user {
            Some(user) => request.basic_auth(user, Some(PASSWORD)),
            None => request,
        };
        body(request.send().await.unwrap()).await
    }
}

async fn body(response: Response) -> Value {
    assert_eq!(response.status(), StatusCode::OK);
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

fn text<'v>(answer: &'v Value, name: &str) -> &'v str {
    answer[name].as_str().unwrap()
}

fn tags() -> String {
    format!("/v2/{REPOSITORY}/tags/list")
}

fn uploads() -> String {
    format!("/v2/{REPOSITORY}/blobs/uploads/")
}

#[tokio::test]
async fn basic_asks_for_user_and_password_with_every_request() {
    let served = Served::with(|mut options| {
        options.auth = Auth::Basic(Credentials::new(USER, PASSWORD));
        options
    })
    .await;
    served.put_image("v1", b"layer");
    let refused = served.get("/v2/").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        header(&refused, "www-authenticate"),
        "Basic realm=\"transship\""
    );
    assert_eq!(error_code(refused).await, "UNAUTHORIZED");
    for (password, status) in [
        (PASSWORD, StatusCode::OK),
        ("wrong", StatusCode::UNAUTHORIZED),
    ] {
        let request = served.request(Method::GET, &tags());
        let response = request.basic_auth(USER, Some(password)).send().await;
        assert_eq!(response.unwrap().status(), status);
    }
}

#[tokio::test]
async fn a_challenge_names_the_token_endpoint_and_the_scope() {
    let served = with_tokens(Duration::from_secs(60)).await;
    let refused = served.send(Method::POST, &uploads()).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let challenge = format!(
        "Bearer realm=\"{}\",service=\"transship\",scope=\"repository:{REPOSITORY}:pull,push\"",
        served.url("/token")
    );
    assert_eq!(header(&refused, "www-authenticate"), challenge);
}

#[tokio::test]
async fn a_token_opens_its_repository_for_its_actions() {
    let served = with_tokens(Duration::from_secs(60)).await;
    served.put_image("v1", b"layer");
    let scope = format!("repository:{REPOSITORY}:pull,push");
    let answer = served.token(&scope, Some(USER)).await;
    assert_eq!(answer["expires_in"], 60);
    let token = text(&answer, "token");
    let pulled = served.with_token(Method::GET, &tags(), token).await;
    assert_eq!(pulled.status(), StatusCode::OK);
    let pushed = served.with_token(Method::POST, &uploads(), token).await;
    assert_eq!(pushed.status(), StatusCode::ACCEPTED);
    let other = served.with_token(Method::GET, "/v2/other/tags/list", token);
    let other = other.await;
    assert_eq!(other.status(), StatusCode::UNAUTHORIZED);
    assert!(header(&other, "www-authenticate").ends_with("error=\"insufficient_scope\""));
    let catalog = served.with_token(Method::GET, "/v2/_catalog", token).await;
    assert_eq!(catalog.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_mount_takes_a_token_for_both_repositories() {
    let served = with_tokens(Duration::from_secs(60)).await;
    let digest = served.put_blob(b"layer").digest;
    let mount = format!("/v2/other/blobs/uploads/?mount={digest}&from={REPOSITORY}");
    let pushing = "repository:other:pull,push";
    let answer = served.token(pushing, Some(USER)).await;
    let refused = served.with_token(Method::POST, &mount, text(&answer, "token"));
    let refused = refused.await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let both = format!("{pushing} repository:{REPOSITORY}:pull");
    assert!(header(&refused, "www-authenticate").contains(&format!("scope=\"{both}\"")));
    let answer = served.token(&both, Some(USER)).await;
    let mounted = served.with_token(Method::POST, &mount, text(&answer, "token"));
    assert_eq!(mounted.await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn nobody_in_particular_may_pull_only() {
    let served = with_tokens(Duration::from_secs(60)).await;
    served.put_image("v1", b"layer");
    let scope = format!("repository:{REPOSITORY}:pull,push");
    let answer = served.token(&scope, None).await;
    assert_eq!(answer["refresh_token"], Value::Null);
    let token = text(&answer, "token");
    let pulled = served.with_token(Method::GET, &tags(), token).await;
    assert_eq!(pulled.status(), StatusCode::OK);
    let pushed = served.with_token(Method::POST, &uploads(), token).await;
    assert_eq!(pushed.status(), StatusCode::UNAUTHORIZED);
    let stranger = served
        .request(Method::GET, "/token")
        .basic_auth("stranger", Some(PASSWORD));
    assert_eq!(
        stranger.send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn an_expired_token_is_no_token() {
    let served = with_tokens(Duration::ZERO).await;
    let answer = served.token("", Some(USER)).await;
    let refused = served.with_token(Method::GET, "/v2/", text(&answer, "token"));
    let refused = refused.await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(header(&refused, "www-authenticate").ends_with("error=\"invalid_token\""));
}

#[tokio::test]
async fn tokens_can_expire_in_the_middle_of_things() {
    let served = with_tokens(Duration::from_secs(60)).await;
    let answer = served.token("", Some(USER)).await;
    let token = text(&answer, "token");
    let api = async || served.with_token(Method::GET, "/v2/", token).await.status();
    assert_eq!(api().await, StatusCode::OK);
    let expire = Fault::on_any("^/v2/$", Action::ExpireTokens).unwrap();
    served.server.faults().add(expire);
    assert_eq!(api().await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn passwords_and_refresh_tokens_are_exchanged_by_post() {
    let served = with_tokens(Duration::from_secs(60)).await;
    served.put_image("v1", b"layer");
    let post = async |form: String| {
        let request = served.request(Method::POST, "/token").body(form);
        request.send().await.unwrap()
    };
    let scope = format!("scope=repository:{REPOSITORY}:pull");
    let password = "grant_type=password&username=operator&password=s:cret&access_type=offline";
    let answer = body(post(format!("{password}&{scope}")).await).await;
    let refresh_token = text(&answer, "refresh_token");
    let refresh = format!("grant_type=refresh_token&refresh_token={refresh_token}&{scope}");
    let answer = body(post(refresh).await).await;
    let token = text(&answer, "access_token");
    let pulled = served.with_token(Method::GET, &tags(), token).await;
    assert_eq!(pulled.status(), StatusCode::OK);
    for wrong in [
        "grant_type=password&username=operator&password=guess",
        "grant_type=refresh_token&refresh_token=guess",
    ] {
        let status = post(wrong.to_owned()).await.status();
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{wrong}");
    }
}

#[tokio::test]
async fn some_token_servers_see_the_first_scope_only() {
    let served = with_tokens(Duration::from_secs(60)).await;
    let fault = Fault::on_any("^/token", Action::FirstScopeOnly).unwrap();
    served.server.faults().add(fault);
    let scopes = "repository:a:pull&scope=repository:b:pull";
    let answer = served.token(scopes, Some(USER)).await;
    assert_eq!(text(&answer, "scope"), "repository:a:pull");
}

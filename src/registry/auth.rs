//! Authorization of requests: challenges, Basic credentials, bearer tokens (distribution-spec
//! "Authentication"; Docker's token specification; RFC 7235).
//!
//! Decides which `Authorization` header a request carries; where credentials come from is decided by who
//! makes the client. Invariant: a secret leaves this file only inside a header or form to the registry
//! or to the realm it named, and one token per scope set is fetched at a time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::{sync::OnceCell, time::Instant};
use url::Url;

use super::error::ErrorCause;
use crate::oci::Repository;

/// Who the operator is at one registry.
#[derive(Clone, Debug, Default)]
pub enum Credentials {
    #[default]
    Anonymous,
    Basic {
        username: String,
        password: SecretString,
    },
    /// A bearer token used as it is.
    Token(SecretString),
}

/// What a request needs to be allowed to do, as token scopes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Scopes(Vec<String>);

impl Scopes {
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    pub(super) fn catalog() -> Self {
        Self(vec!["registry:catalog:*".into()])
    }

    pub(super) fn pull(repository: &Repository) -> Self {
        Self(vec![format!("repository:{repository}:pull")])
    }

    pub(super) fn push(repository: &Repository) -> Self {
        Self(vec![format!("repository:{repository}:pull,push")])
    }

    pub(super) fn delete(repository: &Repository) -> Self {
        Self(vec![format!("repository:{repository}:pull,delete")])
    }

    /// Also read from `repository`; the scope needed in any case stays first (quirk 21).
    pub(super) fn and_pull(mut self, repository: &Repository) -> Self {
        self.0.push(format!("repository:{repository}:pull"));
        self
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Scheme {
    Open,
    Basic,
    Bearer { realm: Url, service: Option<String> },
}

struct Token {
    header: HeaderValue,
    /// From here on a new one is fetched.
    stale: Instant,
}

pub(super) struct Authorizer {
    credentials: Credentials,
    scheme: Mutex<Option<Scheme>>,
    tokens: Mutex<HashMap<Scopes, Arc<OnceCell<Token>>>>,
}

impl Authorizer {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            scheme: Mutex::default(),
            tokens: Mutex::default(),
        }
    }

    /// Takes in what the registry answered to an unauthorized request.
    pub(super) fn learn(&self, status: u16, headers: &HeaderMap) -> Result<(), ErrorCause> {
        let learned = if status == 401 {
            Some(challenge(headers)?)
        } else {
            None
        };
        let mut scheme = self.scheme.lock().unwrap_or_else(PoisonError::into_inner);
        match learned {
            Some(learned) => *scheme = Some(learned),
            None if scheme.is_none() => *scheme = Some(Scheme::Open),
            None => {}
        }
        Ok(())
    }

    /// The header for a request with `scopes`; `None` where the registry asks for nothing.
    pub(super) async fn header(
        &self,
        http: &reqwest::Client,
        scopes: &Scopes,
    ) -> Result<Option<HeaderValue>, ErrorCause> {
        if let Credentials::Token(token) = &self.credentials {
            return secret_header(&format!("Bearer {}", token.expose_secret())).map(Some);
        }
        let scheme = self
            .scheme
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match scheme {
            None | Some(Scheme::Open) => Ok(None),
            Some(Scheme::Basic) => match &self.credentials {
                Credentials::Basic { username, password } => basic(username, password).map(Some),
                _ => Err(ErrorCause::Auth(
                    "it asks for a user name, and none is configured".into(),
                )),
            },
            Some(Scheme::Bearer { realm, service }) => self
                .bearer(http, scopes, &realm, service.as_deref())
                .await
                .map(Some),
        }
    }

    /// Forgets the token of `scopes` if it is still the one that was refused.
    pub(super) fn forget(&self, scopes: &Scopes, refused: Option<&HeaderValue>) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let current = tokens
            .get(scopes)
            .and_then(|cell| cell.get())
            .map(|token| &token.header);
        if current.is_some() && current == refused {
            tokens.remove(scopes);
        }
    }

    async fn bearer(
        &self,
        http: &reqwest::Client,
        scopes: &Scopes,
        realm: &Url,
        service: Option<&str>,
    ) -> Result<HeaderValue, ErrorCause> {
        let cell = {
            let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            let cell = tokens.entry(scopes.clone()).or_default();
            if cell
                .get()
                .is_some_and(|token| token.stale <= Instant::now())
            {
                *cell = Arc::default();
            }
            Arc::clone(cell)
        };
        let token = cell
            .get_or_try_init(|| self.fetch(http, scopes, realm, service))
            .await?;
        Ok(token.header.clone())
    }

    async fn fetch(
        &self,
        http: &reqwest::Client,
        scopes: &Scopes,
        realm: &Url,
        service: Option<&str>,
    ) -> Result<Token, ErrorCause> {
        let mut url = realm.clone();
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = service {
                query.append_pair("service", service);
            }
            for scope in &scopes.0 {
                query.append_pair("scope", scope);
            }
        }
        let mut request = http.get(url).timeout(Duration::from_secs(60));
        if let Credentials::Basic { username, password } = &self.credentials {
            request = request.header(AUTHORIZATION, basic(username, password)?);
        }
        let response = request.send().await.map_err(super::error::network)?;
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(super::error::network)?;
        if status >= 400 {
            let (code, message) = super::error::read_error_body(&body);
            return Err(match status {
                400 | 401 | 403 => ErrorCause::Auth(format!(
                    "the token server said {status}{}",
                    message
                        .or(code)
                        .map(|text| format!(" ({text})"))
                        .unwrap_or_default()
                )),
                _ => ErrorCause::Status {
                    status,
                    code,
                    message,
                    retry_after: None,
                },
            });
        }
        let answer: TokenAnswer = serde_json::from_slice(&body)
            .map_err(|_| ErrorCause::Protocol("the token server sent no token".into()))?;
        let token = answer
            .token
            .or(answer.access_token)
            .ok_or_else(|| ErrorCause::Protocol("the token server sent no token".into()))?;
        // 60 s unless said otherwise (Docker token specification); renewed while a fifth is left.
        let lifetime = Duration::from_secs(answer.expires_in.unwrap_or(60).max(5));
        Ok(Token {
            header: secret_header(&format!("Bearer {}", token.expose_secret()))?,
            stale: Instant::now() + lifetime.mul_f32(0.8),
        })
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default, deserialize_with = "secret")]
    token: Option<SecretString>,
    #[serde(default, deserialize_with = "secret")]
    access_token: Option<SecretString>,
    expires_in: Option<u64>,
}

fn secret<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?
        .filter(|text| !text.is_empty())
        .map(Into::into))
}

fn basic(username: &str, password: &SecretString) -> Result<HeaderValue, ErrorCause> {
    let pair = BASE64_STANDARD.encode(format!("{username}:{}", password.expose_secret()));
    secret_header(&format!("Basic {pair}"))
}

fn secret_header(text: &str) -> Result<HeaderValue, ErrorCause> {
    let mut header = HeaderValue::from_str(text)
        .map_err(|_| ErrorCause::Auth("the secret has characters a header cannot carry".into()))?;
    header.set_sensitive(true);
    Ok(header)
}

/// The challenge that can be answered: bearer before basic, whatever their order.
fn challenge(headers: &HeaderMap) -> Result<Scheme, ErrorCause> {
    let mut found = None;
    for header in headers.get_all(WWW_AUTHENTICATE) {
        let Ok(text) = header.to_str() else {
            continue;
        };
        for challenge in http_auth::parse_challenges(text).unwrap_or_default() {
            let parameter = |name: &str| {
                challenge
                    .params
                    .iter()
                    .find(|(key, _)| key.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.to_unescaped())
            };
            if challenge.scheme.eq_ignore_ascii_case("bearer") {
                let realm = parameter("realm").and_then(|realm| Url::parse(&realm).ok());
                if let Some(realm) = realm.filter(|url| matches!(url.scheme(), "http" | "https")) {
                    return Ok(Scheme::Bearer {
                        realm,
                        service: parameter("service"),
                    });
                }
            } else if challenge.scheme.eq_ignore_ascii_case("basic") {
                found = Some(Scheme::Basic);
            }
        }
    }
    found.ok_or_else(|| {
        ErrorCause::Auth(
            "it said 401 without a challenge that can be answered (Basic or Bearer)".into(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&'static str]) -> Result<Scheme, ErrorCause> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(value));
        }
        challenge(&headers)
    }

    #[test]
    fn bearer_is_preferred_to_basic_in_any_order() {
        let bearer = Scheme::Bearer {
            realm: "https://auth.example/token".parse().unwrap(),
            service: Some("registry.example".into()),
        };
        let value = r#"Bearer realm="https://auth.example/token",service="registry.example""#;
        assert_eq!(read(&["Basic realm=\"x\"", value]).unwrap(), bearer);
        assert_eq!(read(&[value, "Basic realm=\"x\""]).unwrap(), bearer);
    }

    #[test]
    fn an_unanswerable_challenge_is_an_auth_failure() {
        for value in [
            "Negotiate",
            "Bearer realm=\"file:///etc/passwd\"",
            "",
            "Bearer",
        ] {
            assert!(
                matches!(read(&[value]), Err(ErrorCause::Auth(_))),
                "{value}"
            );
        }
    }

    #[test]
    fn credentials_do_not_print_their_secret() {
        let credentials = Credentials::Basic {
            username: "u".into(),
            password: "hunter2".into(),
        };
        assert!(!format!("{credentials:?}").contains("hunter2"));
        let header = basic("u", &"hunter2".into()).unwrap();
        assert!(!format!("{header:?}").contains("Basic"));
    }
}

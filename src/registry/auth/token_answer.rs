//! The answer of a token server.
//!
//! Decides how long a token is used, and which error a refusal is. Invariant: a 404 is never "not found", which would
//! read as an absent image.

use std::time::Duration;

use reqwest::header::HeaderValue;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::headers::bearer;
use crate::registry::{error::ErrorCause, error_body, secrets::Secrets};

/// The lifetime of a token whose answer has none (Docker "Token Authentication Specification").
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);
/// A longer lifetime is cut to this.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) struct Token {
    pub header: HeaderValue,
    /// From then on a new one is fetched.
    pub stale: Instant,
}

/// The answer. The body of an error may be cut off.
pub(super) struct Answer {
    pub status: u16,
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
    pub secrets: Secrets,
}

pub(super) fn parse(answer: Answer, sent: Instant) -> Result<Token, ErrorCause> {
    let status = answer.status;
    if status >= 400 {
        return Err(refusal(&answer));
    }
    if status >= 300 {
        let text = format!("the token server said {status} and no token");
        return Err(ErrorCause::Protocol(text));
    }
    let (token, lifetime) = token(&answer.body)
        .ok_or_else(|| ErrorCause::Protocol("the token server sent no token".into()))?;
    Ok(Token {
        header: bearer(&token)?,
        // Counted from the request, which is before the server issued it. Renewed while a fifth is left.
        stale: sent + lifetime * 4 / 5,
    })
}

fn refusal(answer: &Answer) -> ErrorCause {
    let Answer {
        status,
        retry_after,
        ..
    } = *answer;
    let (code, message) = error_body::parse(&answer.body, &answer.secrets);
    let throttled = code.as_deref() == Some("TOOMANYREQUESTS");
    match status {
        408 | 425 | 429 | 499.. => ErrorCause::Status {
            status,
            code,
            message,
            retry_after,
        },
        _ if throttled => ErrorCause::Status {
            status,
            code,
            message,
            retry_after,
        },
        _ => {
            let detail = detail(code, message);
            ErrorCause::Auth(format!("the token server said {status}{detail}"))
        }
    }
}

pub(super) fn detail(code: Option<String>, message: Option<String>) -> String {
    let text = message.or(code).map(|text| format!(" ({text})"));
    text.unwrap_or_default()
}

/// The token and its lifetime. `issued_at` is ignored, because the server's clock may be wrong.
fn token(body: &[u8]) -> Option<(SecretString, Duration)> {
    #[derive(Deserialize)]
    struct Answer {
        token: Option<String>,
        access_token: Option<String>,
        #[serde(default)]
        expires_in: Value,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let token = [answer.token, answer.access_token]
        .into_iter()
        .flatten()
        .find(|token| !token.is_empty())?;
    let seconds = match &answer.expires_in {
        Value::Number(seconds) => seconds.as_f64(),
        Value::String(seconds) => seconds.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let lifetime = match seconds {
        Some(seconds) if seconds >= 1.0 => {
            Duration::try_from_secs_f64(seconds).unwrap_or(MAX_LIFETIME)
        }
        // Absent, unreadable, or zero, which some servers send for "no limit".
        _ => DEFAULT_LIFETIME,
    };
    Some((token.into(), lifetime.min(MAX_LIFETIME)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;
    use crate::registry::{Error, FailureClass, Operation};

    fn lifetime(expires_in: &str) -> u64 {
        let body = format!(r#"{{"token":"t","issued_at":"1970-01-01T00:00:00Z"{expires_in}}}"#);
        token(body.as_bytes()).unwrap().1.as_secs()
    }

    fn class(cause: ErrorCause) -> FailureClass {
        let registry = "r.example".parse().unwrap();
        let cause = Box::new(cause);
        Error {
            operation: Operation::FetchToken,
            registry,
            url: None,
            cause,
        }
        .class()
    }

    fn refused(status: u16, retry_after: Option<Duration>) -> ErrorCause {
        refusal(&Answer {
            status,
            retry_after,
            body: Vec::new(),
            secrets: Secrets::default(),
        })
    }

    #[test]
    fn lifetimes_are_taken_from_servers_that_say_something_sensible() {
        assert_eq!(lifetime(""), 60);
        assert_eq!(lifetime(r#","expires_in":null"#), 60);
        assert_eq!(lifetime(r#","expires_in":0"#), 60);
        assert_eq!(lifetime(r#","expires_in":-5"#), 60);
        assert_eq!(lifetime(r#","expires_in":300"#), 300);
        assert_eq!(lifetime(r#","expires_in":299.9"#), 299);
        assert_eq!(lifetime(r#","expires_in":"300""#), 300);
        assert_eq!(lifetime(r#","expires_in":"soon""#), 60);
        assert_eq!(lifetime(r#","expires_in":1e300"#), 86_400);
        assert_eq!(lifetime(r#","expires_in":18446744073709551615"#), 86_400);
    }

    #[test]
    fn a_token_has_two_names() {
        let secret = |body: &str| token(body.as_bytes()).map(|(t, _)| t.expose_secret().to_owned());
        assert_eq!(
            secret(r#"{"token":"","access_token":"a"}"#),
            Some("a".into())
        );
        assert_eq!(
            secret(r#"{"token":"t","access_token":"a"}"#),
            Some("t".into())
        );
        assert_eq!(secret("{}"), None);
        assert_eq!(secret("<html>"), None);
    }

    #[test]
    fn a_token_server_that_is_busy_is_transient() {
        let pause = Some(Duration::from_secs(7));
        for status in [408, 429, 500, 502, 503, 504] {
            let transient = FailureClass::Transient {
                retry_after_ms: pause.map(Into::into),
            };
            assert_eq!(class(refused(status, pause)), transient, "{status}");
        }
    }

    #[test]
    fn a_token_server_that_says_404_does_not_mean_the_image() {
        for status in [400, 401, 403, 404, 405, 410] {
            assert_eq!(class(refused(status, None)), FailureClass::Auth, "{status}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_panic(seconds in any::<f64>(), body in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = token(&body);
            let _ = token(format!("{{\"token\":\"t\",\"expires_in\":{seconds:e}}}").as_bytes());
        }
    }
}

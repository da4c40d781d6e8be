//! The errors of requests to a registry, and their failure classes.
//!
//! Decides the class from status, error code, message and transport error (distribution-spec "Error Codes"). Invariant:
//! an [`Error`] never holds a secret: URLs lose user info and query values that sign or authorize.

use std::{fmt, time::Duration};

use url::{Position, Url};

use super::{
    Operation, OverBudget, ProviderError, Refusal, refusal::DIGEST_INVALID, secrets::redacted,
};
use crate::{
    batch::FailureClass,
    oci::{Digest, ManifestError, Registry, Tag},
};

#[derive(Clone, Debug, thiserror::Error)]
pub struct Error {
    pub operation: Operation,
    pub registry: Registry,
    /// The redacted URL, if there was a request.
    pub url: Option<String>,
    /// Boxed: errors are rare, results are everywhere.
    pub cause: Box<ErrorCause>,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum ErrorCause {
    #[error("said {status}{}", detail(code.as_deref(), message.as_deref()))]
    Status {
        status: u16,
        /// The first error code of the body, if it was an error document.
        code: Option<String>,
        /// Its message, or the start of a text body.
        message: Option<String>,
        retry_after: Option<Duration>,
    },
    #[error("cannot be reached: {why}")]
    Unreachable {
        why: String,
        /// The time until the next request is sent.
        again: Option<Duration>,
    },
    #[error("broke off: {0}")]
    Network(String),
    #[error("sent no byte for {} s", .0.as_secs())]
    Stalled(Duration),
    #[error("moved less than {min_throughput} bytes a second in {} s of waiting", waited.as_secs())]
    TooSlow {
        min_throughput: u64,
        waited: Duration,
    },
    #[error("is rate limited for {} s more", .0.as_secs().max(1))]
    RateLimited(Duration),
    #[error("answered outside the protocol: {0}")]
    Protocol(String),
    /// A redirect without a target, or to one that is not followed.
    #[error("answered outside the protocol: {0}")]
    Redirect(String),
    #[error("answered outside the protocol: the answer has more than {0} bytes")]
    TooLong(u64),
    /// Referrers have to be listed in the index under this tag.
    #[error("has a manifest under the fallback tag {0} that is not an index")]
    FallbackTaken(Tag),
    #[error("sent {got} instead of {expected}")]
    Digest { expected: Digest, got: Digest },
    #[error("sent more than the {declared} bytes of its descriptor")]
    LongerThanDeclared { declared: u64 },
    #[error("holds {0}")]
    OverBudget(#[from] OverBudget),
    #[error("sent a manifest that cannot be copied: {0}")]
    Manifest(#[from] ManifestError),
    #[error("refused the credentials: {0}")]
    Auth(String),
    #[error("requires credentials, and none are configured or stored for it: {0}")]
    NoCredentials(String),
    #[error("cannot be used, because its credentials cannot be read: {0}")]
    Credentials(#[from] ProviderError),
    /// A streamed body cannot be sent again; the next request has a new token.
    #[error("said 401 to an upload because its token expired")]
    Expired,
    #[error("cannot be reached as configured: {0}")]
    Configuration(String),
}

impl ErrorCause {
    /// Whether its text fits after the name of a host.
    fn fits_after_host(&self) -> bool {
        matches!(
            self,
            Self::Status { .. }
                | Self::Unreachable { .. }
                | Self::Network(_)
                | Self::Stalled(_)
                | Self::Configuration(_)
        )
    }
}

impl Error {
    pub(super) fn new(
        operation: Operation,
        registry: &Registry,
        url: Option<&Url>,
        cause: ErrorCause,
    ) -> Self {
        Self {
            operation,
            registry: registry.clone(),
            url: url.map(redacted),
            cause: Box::new(cause),
        }
    }

    /// The class alone decides about retry.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        let transient = FailureClass::Transient {
            retry_after_ms: None,
        };
        match &*self.cause {
            ErrorCause::Status {
                status,
                code,
                message,
                retry_after,
            } => match self.refusal() {
                Some(refusal) => refusal.class(),
                None => classify(
                    self.operation,
                    *status,
                    code.as_deref(),
                    message.as_deref(),
                    *retry_after,
                ),
            },
            ErrorCause::Network(_)
            | ErrorCause::Stalled(_)
            | ErrorCause::TooSlow { .. }
            | ErrorCause::Expired
            | ErrorCause::Credentials(ProviderError::Unavailable(_)) => transient,
            ErrorCause::Unreachable { again, .. } => FailureClass::Transient {
                retry_after_ms: again.map(Into::into),
            },
            ErrorCause::RateLimited(left) => FailureClass::Transient {
                retry_after_ms: Some((*left).into()),
            },
            ErrorCause::Digest { .. }
            | ErrorCause::LongerThanDeclared { .. }
            | ErrorCause::Manifest(ManifestError::Ambiguous(_)) => FailureClass::Corrupt,
            ErrorCause::Protocol(_)
            | ErrorCause::Redirect(_)
            | ErrorCause::TooLong(_)
            | ErrorCause::FallbackTaken(_)
            | ErrorCause::OverBudget(_)
            | ErrorCause::Manifest(_) => FailureClass::Rejected,
            ErrorCause::Auth(_)
            | ErrorCause::NoCredentials(_)
            | ErrorCause::Credentials(ProviderError::Unusable(_)) => FailureClass::Auth,
            ErrorCause::Configuration(_) => FailureClass::Internal,
        }
    }

    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match *self.cause {
            ErrorCause::Status { status, .. } => Some(status),
            _ => None,
        }
    }

    /// The kind of refusal, if the registry understood the request and does not carry it out.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match &*self.cause {
            ErrorCause::Status {
                status,
                code,
                message,
                ..
            } => Refusal::of(self.operation, *status, code.as_deref(), message.as_deref()),
            _ => None,
        }
    }

    /// Whether the registry says that the content has another digest. The content was hashed here before the commit, so
    /// the registry mixed it up with other content, usually because another batch sends the same. The upload session
    /// cannot be resumed.
    #[must_use]
    pub fn disputes_digest(&self) -> bool {
        match &*self.cause {
            ErrorCause::Status {
                status: 400..500,
                code: Some(code),
                ..
            } => {
                let sends = matches!(self.operation, Operation::SendBlob | Operation::PutManifest);
                sends && code == DIGEST_INVALID && self.refusal().is_none()
            }
            _ => false,
        }
    }

    /// The host that the request was sent to.
    fn host(&self) -> Option<String> {
        let url = Url::parse(self.url.as_deref()?).ok()?;
        Some(url[Position::BeforeHost..Position::AfterPort].into())
    }

    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.class() == FailureClass::NotFound
    }
}

fn classify(
    operation: Operation,
    status: u16,
    code: Option<&str>,
    message: Option<&str>,
    retry_after: Option<Duration>,
) -> FailureClass {
    let transient = FailureClass::Transient {
        retry_after_ms: retry_after.map(Into::into),
    };
    let throttled = code == Some("TOOMANYREQUESTS")
        || message.is_some_and(|message| message.to_ascii_lowercase().contains("throttl"));
    match status {
        _ if throttled => transient,
        408 | 425 | 429 | 499 | 500 | 502..=504 | 520..=530 => transient,
        401 => FailureClass::Auth,
        403 if code.is_none_or(|code| matches!(code, "DENIED" | "UNAUTHORIZED" | "FORBIDDEN")) => {
            FailureClass::Auth
        }
        // See `Error::disputes_digest`.
        400..500
            if code == Some(DIGEST_INVALID)
                && matches!(operation, Operation::SendBlob | Operation::PutManifest) =>
        {
            transient
        }
        // The session expired, or another replica has it (quirks 11 and 32, see registry/quirks.md).
        404 | 410 if operation == Operation::SendBlob => transient,
        404 | 410 => FailureClass::NotFound,
        _ => FailureClass::Rejected,
    }
}

fn detail(code: Option<&str>, message: Option<&str>) -> String {
    match (code, message) {
        (None, None) => String::new(),
        (Some(text), None) | (None, Some(text)) => format!(" ({text})"),
        (Some(code), Some(message)) => format!(" ({code}: {message})"),
    }
}

impl fmt::Display for Error {
    /// What the registry did; fits after its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token server is another host than the registry.
        if let (Operation::FetchToken, Some(host)) = (self.operation, self.host())
            && self.cause.fits_after_host()
        {
            write!(f, "gave no token: {host} ")?;
        }
        self.cause.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, code: Option<&str>, message: Option<&str>) -> FailureClass {
        classify(Operation::GetBlob, status, code, message, None)
    }

    const TRANSIENT: FailureClass = FailureClass::Transient {
        retry_after_ms: None,
    };

    #[test]
    fn the_status_decides_even_when_the_code_is_unknown() {
        // Quirk 27: not-found spelled UNKNOWN.
        assert_eq!(class(404, Some("UNKNOWN"), None), FailureClass::NotFound);
        for status in [408, 429, 499, 500, 502, 503, 504, 522] {
            assert_eq!(class(status, None, None), TRANSIENT, "{status}");
        }
        assert_eq!(
            class(400, Some("TAG_INVALID"), None),
            FailureClass::Rejected
        );
        assert_eq!(class(403, Some("DENIED"), None), FailureClass::Auth);
        assert_eq!(
            class(403, Some("QUOTA_EXCEEDED"), None),
            FailureClass::Rejected
        );
    }

    #[test]
    fn every_spelling_of_throttling_is_transient() {
        // Quirk 38.
        assert_eq!(class(400, Some("TOOMANYREQUESTS"), None), TRANSIENT);
        assert_eq!(
            class(400, Some("UNSUPPORTED"), Some("unsupported: throttled")),
            TRANSIENT
        );
    }

    #[test]
    fn a_digest_that_is_disputed_is_transient_only_where_bytes_were_sent() {
        let disputed = |operation, message: Option<&str>| {
            let error = Error {
                operation,
                registry: "r.example".parse().unwrap(),
                url: None,
                cause: Box::new(ErrorCause::Status {
                    status: 400,
                    code: Some(DIGEST_INVALID.into()),
                    message: message.map(Into::into),
                    retry_after: None,
                }),
            };
            (error.class() == TRANSIENT, error.disputes_digest())
        };
        let mixed_up = Some("provided digest did not match uploaded content");
        for sends in [Operation::SendBlob, Operation::PutManifest] {
            assert_eq!(disputed(sends, mixed_up), (true, true));
            assert_eq!(disputed(sends, None), (true, true));
            let unknown = Some("invalid digest: unsupported digest algorithm");
            assert_eq!(disputed(sends, unknown), (false, false));
        }
        // Here the requested digest itself is invalid.
        assert_eq!(disputed(Operation::GetBlob, mixed_up), (false, false));
    }

    #[test]
    fn a_token_server_is_told_from_the_registry_it_stands_for() {
        let mut error = Error {
            operation: Operation::FetchToken,
            registry: "r.example".parse().unwrap(),
            url: Some("https://auth.example:5001/token?scope=a&account=***".into()),
            cause: Box::new(ErrorCause::Unreachable {
                why: "connection refused".into(),
                again: None,
            }),
        };
        let text = "gave no token: auth.example:5001 cannot be reached: connection refused";
        assert_eq!(error.to_string(), text);
        error.operation = Operation::Ping;
        assert_eq!(error.to_string(), "cannot be reached: connection refused");
    }
}

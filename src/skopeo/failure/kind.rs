//! What kind of error a message of skopeo tells of.
//!
//! Decides by whole words, then by an HTTP status; names of images, paths and URLs decide nothing. Invariant: every
//! message has a kind.

use crate::batch::FailureClass;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Skopeo's own policy does not allow the image.
    SignaturePolicy,
    /// There is no policy, or it cannot be read.
    NoPolicy,
    DiskFull,
    Permission,
    RateLimited,
    Quota,
    ImmutableTag,
    /// A rule of the registry's administrator.
    RegistryPolicy,
    Corrupt,
    Access,
    NotFound,
    Tls,
    Unreachable,
    ServerError,
    Unsupported,
    Unknown,
}

/// In this order: what comes first is more specific.
const WORDS: [(Kind, &[&str]); 16] = [
    (
        Kind::SignaturePolicy,
        &[
            "source image rejected",
            "rejected by policy",
            "signature was required",
        ],
    ),
    (Kind::NoPolicy, &["trust policy", "policy.json"]),
    (
        Kind::DiskFull,
        &["no space left on device", "disk quota exceeded"],
    ),
    (
        Kind::Permission,
        &["permission denied", "operation not permitted"],
    ),
    (
        Kind::RateLimited,
        &[
            "toomanyrequests",
            "too many requests",
            "rate limit",
            "rate limited",
            "throttled",
            "throttling",
        ],
    ),
    (Kind::Unreachable, &["tls handshake timeout"]),
    (
        Kind::Quota,
        &[
            "quota",
            "quota_exceeded",
            "limitexceeded",
            "insufficient storage",
            "will exceed",
            "layers per image exceeded",
        ],
    ),
    (
        Kind::ImmutableTag,
        &[
            "immutable",
            "immutability",
            "tag already exists",
            "imagetagalreadyexistsexception",
            "does not allow updating",
        ],
    ),
    (
        Kind::RegistryPolicy,
        &[
            "configured policy",
            "projectpolicyviolation",
            "blocked by policy",
            "disallowed by policy",
        ],
    ),
    (
        Kind::Corrupt,
        &[
            "digest did not match",
            "did not match uploaded content",
            "digest mismatch",
            "size mismatch",
            "does not match expected",
            "does not match provided manifest digest",
            "digest_invalid",
        ],
    ),
    (
        Kind::Access,
        &[
            "unauthorized",
            "authentication required",
            "denied",
            "forbidden",
            "invalid username",
            "incorrect username",
            "insufficient_scope",
            "no basic auth credentials",
        ],
    ),
    (
        Kind::NotFound,
        &[
            "manifest unknown",
            "name unknown",
            "manifest_unknown",
            "name_unknown",
            "name not known",
            "image not known",
            "not found",
            "no such image",
            "no such file or directory",
            "no descriptor found",
            "no image found",
            "does not exist",
            "does not resolve to an image id",
        ],
    ),
    (
        Kind::Tls,
        &[
            "x509",
            "certificate",
            "http response to https client",
            "http request to an https server",
            "tls",
            "handshake failure",
        ],
    ),
    (
        Kind::Unreachable,
        &[
            "connection refused",
            "no route to host",
            "no such host",
            "network is unreachable",
            "i/o timeout",
            "deadline exceeded",
            "timeout exceeded",
            "connection reset",
            "connection timed out",
            "broken pipe",
            "eof",
            "server misbehaving",
            "temporary failure in name resolution",
            "stream error",
            "use of closed network connection",
        ],
    ),
    (
        Kind::ServerError,
        &[
            "internal server error",
            "bad gateway",
            "service unavailable",
            "gateway timeout",
        ],
    ),
    (
        Kind::Unsupported,
        &[
            "manifest invalid",
            "manifest_invalid",
            "unsupported",
            "unknown media type",
            "too large",
            "method not allowed",
            "not supported",
        ],
    ),
];

/// Words before or after an HTTP status.
const BEFORE_STATUS: [&str; 3] = ["status", "statuscode", "code"];
const REASONS: [&str; 12] = [
    "bad",
    "unauthorized",
    "forbidden",
    "not",
    "method",
    "request",
    "conflict",
    "precondition",
    "too",
    "internal",
    "service",
    "gateway",
];

impl Kind {
    pub(super) fn of(message: &str) -> Self {
        let words = words(message);
        let text = format!(" {} ", words.join(" "));
        let says = |phrase: &&str| text.contains(&format!(" {phrase} "));
        let known = WORDS.iter().find(|(_, phrases)| phrases.iter().any(says));
        match (known, status(&words)) {
            (Some((kind, _)), _) => *kind,
            (None, Some(401 | 403)) => Self::Access,
            (None, Some(404 | 410)) => Self::NotFound,
            (None, Some(429)) => Self::RateLimited,
            (None, Some(507)) => Self::Quota,
            (None, Some(408 | 425 | 499..)) => Self::ServerError,
            (None, Some(400..)) => Self::Unsupported,
            (None, Some(_) | None) => Self::Unknown,
        }
    }

    pub(super) fn class(self) -> FailureClass {
        match self {
            Self::RateLimited | Self::Unreachable | Self::ServerError => FailureClass::Transient {
                retry_after_ms: None,
            },
            Self::Access => FailureClass::Auth,
            Self::NotFound => FailureClass::NotFound,
            Self::SignaturePolicy
            | Self::Quota
            | Self::ImmutableTag
            | Self::RegistryPolicy
            | Self::Unsupported => FailureClass::Rejected,
            Self::Corrupt => FailureClass::Corrupt,
            Self::NoPolicy | Self::DiskFull | Self::Permission | Self::Tls | Self::Unknown => {
                FailureClass::Internal
            }
        }
    }

    /// Whether it is about this machine, whatever skopeo was doing.
    pub(super) fn is_local(self) -> bool {
        matches!(self, Self::NoPolicy | Self::DiskFull)
    }

    /// What an operator can do about it, where the advice for the class does not say it.
    pub(super) fn hint(self) -> Option<&'static str> {
        match self {
            Self::SignaturePolicy => {
                Some("sign the image, or allow it in skopeo's policy (/etc/containers/policy.json)")
            }
            Self::NoPolicy => Some(
                "install a policy where skopeo looks for it, /etc/containers/policy.json by default",
            ),
            Self::DiskFull => Some("make room there; then retry"),
            Self::Permission => Some("give this user the right to read and write there"),
            Self::Quota => Some("make room or raise the limit there; then retry"),
            Self::ImmutableTag => {
                Some("choose another tag with `to`, or allow changes of the repository's tags")
            }
            Self::RegistryPolicy => Some(
                "a rule of the registry forbids it: ask its administrator, or leave the image out",
            ),
            Self::Tls => Some(
                "check whether it speaks TLS (`plain-http`), and whether its certificate is trusted",
            ),
            Self::Unreachable => Some("check its address, and that it is up"),
            Self::Unsupported => Some(
                "it does not accept this content: choose another `format`, or leave the image out",
            ),
            Self::Unknown => {
                Some("run the copy with `skopeo --debug copy` by hand to see what happens")
            }
            Self::RateLimited
            | Self::Corrupt
            | Self::Access
            | Self::NotFound
            | Self::ServerError => None,
        }
    }
}

/// The lowercase words of a message, without paths, URLs and references.
fn words(message: &str) -> Vec<String> {
    let message = message.to_lowercase();
    let is_name = |word: &&str| word.contains('/') && *word != "i/o";
    let part = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'));
    let words = message.split_whitespace().filter(|word| !is_name(word));
    words
        .flat_map(|word| word.split(part))
        .map(|word| word.trim_matches('.'))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The HTTP status that is named as one.
fn status(words: &[String]) -> Option<u16> {
    let number = |word: &str| {
        word.parse()
            .ok()
            .filter(|status| (400..600).contains(status))
    };
    words.windows(2).find_map(|pair| {
        let [first, second] = pair else { return None };
        match BEFORE_STATUS.contains(&first.as_str()) {
            true => number(second),
            false => number(first).filter(|_| REASONS.contains(&second.as_str())),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_counts_where_it_is_named_as_one() {
        for (message, kind) in [
            ("received unexpected HTTP status: 503", Kind::ServerError),
            (
                "uploading layer chunked: StatusCode: 400, \"<html>\"",
                Kind::Unsupported,
            ),
            (
                "invalid status code from registry 404 (Not Found)",
                Kind::NotFound,
            ),
            ("unexpected status code 429", Kind::RateLimited),
            ("status code 520", Kind::ServerError),
            ("read 503 bytes of 404", Kind::Unknown),
        ] {
            assert_eq!(Kind::of(message), kind, "{message}");
        }
    }

    #[test]
    fn names_of_images_decide_nothing() {
        let message = "reading manifest 1 in r.example/denied/quota: something new";
        assert_eq!(Kind::of(message), Kind::Unknown);
        let message = "Get \"https://eof.example/x509/forbidden\": something new";
        assert_eq!(Kind::of(message), Kind::Unknown);
    }

    #[test]
    fn what_a_retry_cannot_pass_has_a_hint_or_a_class_that_says_enough() {
        for (kind, _) in WORDS {
            match kind.class() {
                FailureClass::Rejected | FailureClass::Internal => assert!(kind.hint().is_some()),
                FailureClass::Transient { .. }
                | FailureClass::Auth
                | FailureClass::NotFound
                | FailureClass::Corrupt => {}
            }
        }
    }
}

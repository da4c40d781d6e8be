//! Text of failures: side, cause, next step.

use std::{borrow::Cow, time::Duration};

use super::{countdown, sanitize};
use crate::batch::{Attempt, Failure, FailureClass, Side};

/// Side and cause: `source said 429`.
#[must_use]
pub fn failure(cause: &Failure) -> String {
    format!("{} {}", cause.side, sanitize(&cause.summary))
}

/// A final failure, with its hint if it has one.
#[must_use]
pub fn last_failure(cause: &Failure) -> String {
    match cause.hint() {
        Some(hint) => format!("{}; {}", failure(cause), sanitize(hint)),
        None => failure(cause),
    }
}

/// A failure before a retry: `source said 429; retrying in 12 s (2 of 5)`.
///
/// `failed` is the attempt that ended with `cause`; `of` is the number of attempts allowed, if known.
#[must_use]
pub fn retry(cause: &Failure, wait: Duration, failed: Attempt, of: Option<u16>) -> String {
    // A retry that the registry asked for does not count as an attempt.
    let is_deferred = matches!(
        cause.class,
        FailureClass::Transient {
            retry_after_ms: Some(_)
        }
    );
    let of = of.filter(|_| !is_deferred);
    format!("{}; {}", failure(cause), next_attempt(wait, failed, of))
}

/// When the next attempt starts, and its number: `retrying in 12 s (2 of 5)`.
#[must_use]
pub fn next_attempt(wait: Duration, failed: Attempt, of: Option<u16>) -> String {
    let next = failed.0.saturating_add(1);
    // Deferred attempts can raise the number above the limit.
    let attempt = match of.filter(|of| next <= *of) {
        Some(of) => format!("{next} of {of}"),
        None => format!("attempt {next}"),
    };
    format!("retrying {} ({attempt})", countdown(wait))
}

/// What an operator can do about a final failure.
fn advice(cause: &Failure) -> &'static str {
    match (cause.class, cause.side) {
        (FailureClass::Transient { .. }, _) => "it may be temporary: retry later",
        (FailureClass::Auth, Side::Local) => "check the configured credentials",
        (FailureClass::Auth, Side::Source) => "check the credentials for the source registry",
        (FailureClass::Auth, Side::Destination) => {
            "check the credentials for the destination registry"
        }
        (FailureClass::NotFound, Side::Destination) => {
            "the destination has no such repository: create it, then retry"
        }
        (FailureClass::NotFound, _) => "check the image's name and tag",
        (FailureClass::Rejected, _) => "retrying alone does not help: see the registry's message",
        (FailureClass::Corrupt, _) => "the content does not match its digest: repair it there",
        (FailureClass::Internal, _) => "check this machine; if it is fine, report a bug",
    }
}

/// What an operator can do about a final failure: its own hint, else the advice for its class.
#[must_use]
pub fn remedy(cause: &Failure) -> Cow<'_, str> {
    match cause.hint() {
        Some(hint) => sanitize(hint),
        None => advice(cause).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Millis;

    fn throttled() -> Failure {
        Failure {
            side: Side::Source,
            class: FailureClass::Transient {
                retry_after_ms: None,
            },
            summary: "said 429".into(),
            chain: Vec::new(),
        }
    }

    #[test]
    fn a_retry_says_side_cause_when_and_which_attempt() {
        assert_eq!(
            retry(&throttled(), Duration::from_secs(12), Attempt(1), Some(5)),
            "source said 429; retrying in 12 s (2 of 5)"
        );
        assert_eq!(
            retry(&throttled(), Duration::ZERO, Attempt(2), None),
            "source said 429; retrying now (attempt 3)"
        );
        let is_deferred = Failure {
            class: FailureClass::Transient {
                retry_after_ms: Some(Millis(12_000)),
            },
            ..throttled()
        };
        assert_eq!(
            retry(&is_deferred, Duration::from_secs(12), Attempt(1), Some(5)),
            "source said 429; retrying in 12 s (attempt 2)"
        );
    }

    #[test]
    fn a_final_failure_says_what_can_be_done_if_it_is_known() {
        let cause = Failure {
            summary: "said 404 (NAME_UNKNOWN)".into(),
            chain: vec![
                "failed to begin the upload".into(),
                "hint: create it".into(),
            ],
            ..throttled()
        };
        assert_eq!(
            last_failure(&cause),
            "source said 404 (NAME_UNKNOWN); create it"
        );
        assert_eq!(last_failure(&throttled()), "source said 429");
    }

    #[test]
    fn a_registry_cannot_put_escape_sequences_into_a_failure() {
        let cause = Failure {
            summary: "said \x1b[2Jbye".into(),
            ..throttled()
        };
        assert_eq!(failure(&cause), "source said �[2Jbye");
    }
}

//! Makes a failure of what skopeo printed last.
//!
//! Decides the sentence and the chain. Invariant: the chain is skopeo's own words, outermost first.

use super::{
    kind::Kind,
    message::last_error,
    side::{Sides, side},
};
use crate::batch::{Failure, Side};

/// In characters; what is longer is the page of a proxy.
const MAX_CAUSE: usize = 300;
/// In the chain; the first and the last are the interesting ones.
const MAX_CHAIN: usize = 12;

/// Why skopeo failed, from the last lines of its errors: standard error, or the terminal with all that is drawn there.
#[must_use]
pub fn classify(output: &str, sides: &Sides<'_>) -> Failure {
    let message = last_error(output);
    let kind = Kind::of(&message);
    let side = match kind.is_local() {
        true => Side::Local,
        false => side(&message, sides),
    };
    let mut chain = causes(&message);
    let cause = chain.last().map_or("it printed no error", String::as_str);
    let summary = format!("{}: {cause}", said(kind, side));
    chain.extend(kind.hint().map(|hint| format!("hint: {hint}")));
    Failure {
        side,
        class: kind.class(),
        summary,
        chain,
    }
}

/// The parts of a message, each once.
fn causes(message: &str) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    for part in message.splitn(MAX_CHAIN, ": ") {
        let part: String = part.trim().chars().take(MAX_CAUSE).collect();
        if !part.is_empty() && causes.last() != Some(&part) {
            causes.push(part);
        }
    }
    causes
}

/// What the side does; the cause follows.
fn said(kind: Kind, side: Side) -> &'static str {
    match kind {
        Kind::SignaturePolicy => "is not allowed by skopeo's policy",
        Kind::NoPolicy => "policy of skopeo cannot be read",
        Kind::DiskFull => "disk is full",
        Kind::Permission => "cannot be accessed by this user",
        Kind::RateLimited => "is rate limited",
        Kind::Quota => "has no room for the image",
        Kind::ImmutableTag => "does not allow changing the tag",
        Kind::RegistryPolicy => "has a rule against the image",
        Kind::Corrupt => "has content that does not match its digest",
        Kind::Access => "refused the credentials, or requires some",
        Kind::NotFound if side == Side::Destination => "does not have the repository",
        Kind::NotFound => "does not have the image",
        Kind::Tls => "cannot be reached as configured",
        Kind::Unreachable => "cannot be reached",
        Kind::ServerError => "failed to answer",
        Kind::Unsupported => "refused the image",
        Kind::Unknown if side == Side::Local => "skopeo failed",
        Kind::Unknown => "made skopeo fail",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::batch::FailureClass;

    /// Errors that skopeo 1.9.3 printed, unless another version is named.
    const PRINTED: &str = include_str!("../recordings/errors.txt");

    fn failure(output: &str) -> Failure {
        let [source, destination] = ["127.0.0.1:5101/team/app:1", "127.0.0.1:5102/k/app:1"]
            .map(|text| text.parse().unwrap());
        classify(
            output,
            &Sides {
                source: &source,
                destination: Some(&destination),
            },
        )
    }

    #[test]
    fn every_recorded_error_has_its_side_and_class() {
        let mut expected = None;
        let mut seen = 0;
        for line in PRINTED.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                expected = Some(comment);
                continue;
            }
            let failure = failure(line);
            let found = format!("{}, {}", failure.side, failure.class.word());
            assert_eq!(Some(&*found), expected, "{line}");
            assert!(!failure.causes().is_empty(), "{line}");
            seen += 1;
        }
        assert!(seen > 20, "{seen}");
    }

    #[test]
    fn a_failure_reads_after_its_side_and_keeps_skopeos_words() {
        let printed = "time=\"2026-11-21T01:41:36Z\" level=fatal msg=\"initializing source \
                       docker://127.0.0.1:5101/nope:1: reading manifest 1 in 127.0.0.1:5101/nope: \
                       manifest unknown: manifest unknown\"\n";
        let failure = failure(printed);
        assert_eq!(
            failure.to_string(),
            "source does not have the image: manifest unknown"
        );
        assert_eq!(
            failure.chain,
            [
                "initializing source docker://127.0.0.1:5101/nope:1",
                "reading manifest 1 in 127.0.0.1:5101/nope",
                "manifest unknown"
            ]
        );
    }

    #[test]
    fn a_rejected_image_says_which_policy_to_change() {
        let failure = failure(
            "FATA[0000] Source image rejected: A signature was required, but no signature exists ",
        );
        assert_eq!(failure.side, Side::Source);
        assert_eq!(failure.class, FailureClass::Rejected);
        assert!(
            failure
                .hint()
                .unwrap()
                .contains("/etc/containers/policy.json")
        );
    }

    #[test]
    fn silence_is_a_failure_of_this_machine() {
        let failure = failure("");
        assert_eq!(
            failure.to_string(),
            "local skopeo failed: it printed no error"
        );
        assert_eq!(failure.class, FailureClass::Internal);
    }

    proptest! {
        #[test]
        fn any_output_has_a_failure_of_bounded_size(output in "(?s).{0,2000}", repeated in 1..50_usize) {
            let failure = failure(&output.repeat(repeated));
            prop_assert!(failure.summary.len() < 4 * MAX_CAUSE + 100);
            prop_assert!(failure.chain.len() <= MAX_CHAIN + 1);
            let control = |text: &String| text.chars().any(char::is_control);
            prop_assert!(!failure.chain.iter().any(control));
        }
    }
}

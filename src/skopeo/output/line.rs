//! The meaning of one line of output.
//!
//! Decides which lines are known. Invariant: a line that is cut by a narrow terminal never yields a wrong number.

use super::{
    event::{BlobName, BlobState, Step},
    size,
};
use crate::{batch::BlobKind, oci::Digest};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning<'a> {
    Step(Step),
    Blob {
        name: BlobName,
        kind: BlobKind,
        state: BlobState,
    },
    /// A digest, and what stands on the same line because nothing ends the line of a digest.
    Digest(Digest, &'a str),
    /// A progress line of which a narrow terminal shows too little.
    Cut,
    Unknown,
}

/// Shown in place of what a narrow terminal has no room for.
const ELLIPSIS: char = '…';
/// Fewer digits name no blob.
const MIN_PREFIX: usize = 6;

/// Lines that are complete, and the step they begin.
const STEPS: [(&str, Step); 9] = [
    ("Getting image source signatures", Step::ReadingSignatures),
    (
        "Getting image list signatures",
        Step::ReadingIndexSignatures,
    ),
    (
        "Checking if image destination supports signatures",
        Step::Signing,
    ),
    (
        "Checking if image list destination supports signatures",
        Step::Signing,
    ),
    ("Signing manifest", Step::Signing),
    (
        "Writing manifest to image destination",
        Step::WritingManifest,
    ),
    (
        "Writing manifest list to image destination",
        Step::WritingIndex,
    ),
    ("Storing signatures", Step::StoringSignatures),
    ("Storing list signatures", Step::StoringSignatures),
];

pub(super) fn parse(line: &str) -> Meaning<'_> {
    if let Some((_, step)) = STEPS.iter().find(|(text, _)| *text == line) {
        return Meaning::Step(step.clone());
    }
    if let Some((digest, rest)) = leading_digest(line) {
        return Meaning::Digest(digest, rest);
    }
    let Some(rest) = line.strip_prefix("Copying ") else {
        return match line.starts_with("Creating signature") || line.starts_with("Signing manifest ")
        {
            true => Meaning::Step(Step::Signing),
            false => Meaning::Unknown,
        };
    };
    let known = blob(rest)
        .or_else(|| image(rest).map(Meaning::Step))
        .or_else(|| index(rest).map(Meaning::Step));
    match known {
        Some(meaning) => meaning,
        None if line.ends_with(ELLIPSIS) => Meaning::Cut,
        None => Meaning::Unknown,
    }
}

/// A digest at the start of a line, and the rest of the line.
fn leading_digest(line: &str) -> Option<(Digest, &str)> {
    let (algorithm, hex) = line.split_once(':')?;
    let length = hex.find(|c: char| !c.is_ascii_hexdigit());
    let (hex, rest) = hex.split_at(length.unwrap_or(hex.len()));
    let digest = format!("{algorithm}:{hex}").parse().ok()?;
    Some((digest, rest))
}

/// `blob NAME ...` and `config NAME ...`.
fn blob(rest: &str) -> Option<Meaning<'static>> {
    let (kind, rest) = match rest.split_once(' ')? {
        ("blob", rest) => (BlobKind::Layer, rest),
        ("config", rest) => (BlobKind::Config, rest),
        _ => return None,
    };
    let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    Some(Meaning::Blob {
        name: blob_name(name)?,
        kind,
        state: blob_state(rest.trim_start())?,
    })
}

fn blob_name(text: &str) -> Option<BlobName> {
    if let Ok(digest) = text.parse() {
        return Some(BlobName::Digest(digest));
    }
    let digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    let is_prefix = text.len() >= MIN_PREFIX && text.chars().all(digit);
    is_prefix.then(|| BlobName::Prefix(text.to_owned()))
}

/// What stands after the name: nothing, a result, a bar with amounts, or a part of these.
fn blob_state(text: &str) -> Option<BlobState> {
    let result = text.trim_end_matches([' ', '|']);
    match result {
        "done" => return Some(BlobState::Done),
        "" => return Some(BlobState::Started),
        _ if result.starts_with("skipped: already exists") => return Some(BlobState::Skipped),
        _ => {}
    }
    // A spinner takes the place of a bar if the size is unknown.
    if text.trim_matches(['.', ELLIPSIS, ' ', '|']).is_empty() {
        return Some(BlobState::Started);
    }
    // A narrow terminal has no bar, or no amounts.
    let (has_bar, amounts) = match text.strip_prefix('[') {
        Some(bar) => (true, bar.split_once(']').unwrap_or_default().1),
        None => (false, text),
    };
    let (done, total) = amounts.split_once('/').unwrap_or((amounts, ""));
    let total = total.split_whitespace().next().and_then(size::parse);
    match size::parse(done.trim()) {
        Some(done) => Some(BlobState::Moving { done, total }),
        None => (has_bar || text.ends_with(ELLIPSIS)).then_some(BlobState::Started),
    }
}

/// `image DIGEST (1/2)`.
fn image(rest: &str) -> Option<Step> {
    let (digest, position) = rest.strip_prefix("image ")?.split_once(' ')?;
    let position = position.strip_prefix('(')?.strip_suffix(')')?;
    let (number, images) = position.split_once('/')?;
    Some(Step::Image {
        digest: digest.parse().ok()?,
        number: number.parse().ok()?,
        images: images.parse().ok()?,
    })
}

/// `2 of 3 images in list`, and since 1.18 `2 images generated from 3 images in list`.
fn index(rest: &str) -> Option<Step> {
    let (images, rest) = rest.split_once(' ')?;
    let known = rest.ends_with("images in list")
        && (rest.starts_with("of ") || rest.starts_with("images generated from "));
    let images = images.parse().ok().filter(|_| known)?;
    Some(Step::Index { images })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(text: &str) -> Option<BlobState> {
        match parse(&format!("Copying blob 512932c8fca9 {text}")) {
            Meaning::Blob { state, .. } => Some(state),
            _ => None,
        }
    }

    fn moving(done: u64, total: Option<u64>) -> Option<BlobState> {
        Some(BlobState::Moving { done, total })
    }

    #[test]
    fn bars_of_every_version_and_width_are_read() {
        const MIB: u64 = 1 << 20;
        for (text, expected) in [
            (
                "[====>-----] 5.0MiB / 9.0MiB",
                moving(5 * MIB, Some(9 * MIB)),
            ),
            ("[>---] 8.0b / 9.0MiB | 1.9 MiB/s", moving(8, Some(9 * MIB))),
            (
                "[--] 0.0b / 9.0MiB (skipped: 1.0MiB = 9.1%)",
                moving(0, Some(9 * MIB)),
            ),
            ("5.0MiB / 9.0MiB", moving(5 * MIB, Some(9 * MIB))),
            ("5.0MiB / 9.…", moving(5 * MIB, None)),
            ("5.0…", Some(BlobState::Started)),
            ("[=>-] 5.0MiB / 9.…", moving(5 * MIB, None)),
            ("[=>-] 5.0Mi…", Some(BlobState::Started)),
            ("[=>-…", Some(BlobState::Started)),
            ("…", Some(BlobState::Started)),
            ("...", Some(BlobState::Started)),
            ("", Some(BlobState::Started)),
            ("done  ", Some(BlobState::Done)),
            ("done   | ", Some(BlobState::Done)),
            ("skipped: already exists   | ", Some(BlobState::Skipped)),
            ("in an unknown way", None),
        ] {
            assert_eq!(state(text), expected, "{text}");
        }
    }

    #[test]
    fn the_digest_may_share_its_line() {
        let digest = Digest::of(b"");
        let glued = format!("{digest}Getting image source signatures");
        let rest = "Getting image source signatures";
        assert_eq!(parse(&glued), Meaning::Digest(digest.clone(), rest));
        assert_eq!(
            parse(&digest.to_string()),
            Meaning::Digest(digest.clone(), "")
        );
        assert_eq!(parse(&format!("{digest}00")), Meaning::Unknown);
    }

    #[test]
    fn what_a_narrow_terminal_cuts_is_known_to_be_cut() {
        assert_eq!(parse("Copying blob 5129…"), Meaning::Cut);
        assert_eq!(parse("Copying…"), Meaning::Unknown);
        assert_eq!(parse("Copying 2 kittens"), Meaning::Unknown);
    }
}

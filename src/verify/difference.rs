//! What a comparison can find, and how it is worded.
//!
//! Invariant: text that a registry sent is kept as it is; whoever shows it sanitizes it.

use std::fmt;

use crate::{
    oci::{Digest, Tag},
    registry,
};

/// A difference between the destination and the source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    #[error("the source no longer has the image")]
    SourceGone,
    #[error("the destination does not have it")]
    Absent,
    #[error("the destination has {got}, the source has {expected}")]
    Digest { expected: Digest, got: Digest },
    #[error("the destination does not have exactly the selected platforms")]
    Platforms,
    #[error("{part} {digest} is missing")]
    Missing { part: Part, digest: Digest },
    #[error("blob {digest} has {got} bytes instead of {expected}")]
    Length {
        digest: Digest,
        expected: u64,
        got: u64,
    },
    #[error("blob {digest} has other content: {got}")]
    Content { digest: Digest, got: Digest },
    #[error("the destination does not list referrer {referrer} of {subject}")]
    Unlisted { subject: Digest, referrer: Digest },
    #[error("tag {tag} is not the same as at the source")]
    AttachedTag { tag: Tag },
    /// A registry did not answer. The two may be the same.
    #[error("{what} could not be compared: {why}")]
    Unknown { what: String, why: String },
}

/// A deviation from the source that is correct.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    #[error("tag {tag} has all signatures of the source, and {more} more")]
    MoreSignatures { tag: Tag, more: usize },
}

/// The result of a comparison. The image is the same if there are no differences.
#[derive(Debug, Default)]
pub struct Findings {
    pub differences: Vec<Difference>,
    pub notes: Vec<Note>,
}

/// What a missing digest stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Manifest,
    Blob,
    Referrer,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manifest => "manifest",
            Self::Blob => "blob",
            Self::Referrer => "referrer",
        })
    }
}

/// Why an image could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("source {registry} {0}", registry = .0.registry)]
    Source(registry::Error),
    #[error("destination {registry} {0}", registry = .0.registry)]
    Destination(registry::Error),
}

impl VerifyError {
    /// The error as a difference in one part, so that the rest of the image is still compared.
    pub(super) fn to_difference(&self, what: String) -> Difference {
        let why = self.to_string();
        Difference::Unknown { what, why }
    }

    /// Whether a retry may pass.
    #[must_use]
    pub fn class(&self) -> registry::FailureClass {
        match self {
            Self::Source(error) | Self::Destination(error) => error.class(),
        }
    }
}

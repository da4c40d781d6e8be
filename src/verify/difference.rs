//! What can differ, in words.
//!
//! Invariant: text of a registry is kept as it came; showing it harmlessly is for who shows it.

use std::fmt;

use crate::{
    oci::{Digest, Tag},
    registry,
};

/// One thing that is not as at the source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    #[error("the source has no such image any more")]
    SourceGone,
    #[error("it is not there")]
    Absent,
    #[error("it is {got}, the source has {expected}")]
    Digest { expected: Digest, got: Digest },
    #[error("it does not have the platforms that were asked for")]
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
    #[error("it does not list referrer {referrer} of {subject}")]
    Unlisted { subject: Digest, referrer: Digest },
    #[error("tag {tag} is not the same as at the source")]
    AttachedTag { tag: Tag },
    /// A question that was not answered. What there is may be the same; nobody knows.
    #[error("{what} could not be compared: {why}")]
    Unknown { what: String, why: String },
}

/// Something that is not as at the source, and right all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    #[error("tag {tag} has all signatures of the source, and {more} more")]
    MoreSignatures { tag: Tag, more: usize },
}

/// What comparing an image came to. It is the same if there are no differences.
#[derive(Debug, Default)]
pub struct Findings {
    pub differences: Vec<Difference>,
    pub notes: Vec<Note>,
}

/// What is missing.
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

/// Why nothing can be said of an image.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("source {registry} {0}", registry = .0.registry)]
    Source(registry::Error),
    #[error("destination {registry} {0}", registry = .0.registry)]
    Destination(registry::Error),
}

impl VerifyError {
    /// As a difference of one part; the rest of the image can be compared.
    pub(super) fn of(&self, what: String) -> Difference {
        let why = self.to_string();
        Difference::Unknown { what, why }
    }

    /// What the registry did, so that it can be judged whether to ask again.
    #[must_use]
    pub fn class(&self) -> registry::FailureClass {
        match self {
            Self::Source(error) | Self::Destination(error) => error.class(),
        }
    }
}

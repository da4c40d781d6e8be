//! What a comparison can find, and how it is worded.
//!
//! Invariant: text that a store sent is kept as it is; whoever shows it sanitizes it.

use std::fmt;

use crate::{
    batch::{FailureClass, Side},
    oci::{Digest, Platform, Store, Tag},
    transport::Error,
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
    #[error("the destination has config {got}, the source has {expected}")]
    Config { expected: Digest, got: Digest },
    #[error("the layers do not have the diff ids of the source")]
    Layers,
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
    /// A store did not answer. The two may be the same.
    #[error("{what} could not be compared: {why}")]
    Unknown { what: String, why: String },
}

/// A deviation from the source that is correct.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    #[error("tag {tag} has all signatures of the source, and {more} more")]
    MoreSignatures { tag: Tag, more: usize },
    #[error("{store} keeps no manifests, so config and diff ids{} were compared", of_platform(.platform.as_ref()))]
    ByConfig {
        store: Store,
        /// The platform that was compared, if the other side has an index.
        platform: Option<Platform>,
    },
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
#[error("{}{error}", subject(*.side, .store, .error))]
pub struct VerifyError {
    pub side: Side,
    pub store: Store,
    pub error: Error,
}

impl VerifyError {
    /// The error as a difference in one part, so that the rest of the image is still compared.
    pub(super) fn to_difference(&self, what: String) -> Difference {
        let why = self.to_string();
        Difference::Unknown { what, why }
    }

    /// Whether a retry may pass.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        self.error.class()
    }

    /// Whether a registry refused to answer, which it may do for a part of an image only.
    pub(super) fn is_forbidden(&self) -> bool {
        self.error.status() == Some(403)
    }
}

/// What an error is said of. The error of a local store names it.
fn subject(side: Side, store: &Store, error: &Error) -> String {
    let side = match side {
        Side::Source => "source",
        Side::Destination => "destination",
        Side::Local => "this machine",
    };
    match error {
        Error::Local(_) => format!("{side} "),
        Error::Registry(_)
        | Error::Corrupt { .. }
        | Error::Damaged { .. }
        | Error::Unconvertible(_) => format!("{side} {store} "),
    }
}

fn of_platform(platform: Option<&Platform>) -> String {
    platform.map_or_else(String::new, |platform| format!(" of {platform}"))
}

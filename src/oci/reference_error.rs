//! Why a text is not a reference.
//!
//! Invariant: the range is within the text that was parsed, so that it can be marked there.

use std::ops::Range;

use super::DigestError;

/// A reference that cannot be parsed, and the range of the invalid text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ReferenceError {
    pub problem: ReferenceProblem,
    /// Byte range in the text that was parsed.
    pub at: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceProblem {
    #[error("a reference needs a repository, for example library/nginx:1.27")]
    Empty,
    #[error("a registry is written host or host:port, without a scheme or a path")]
    Registry,
    #[error(
        "{0:?} alone would be read as part of a repository path; write its port, as in {0}:443"
    )]
    BareHost(String),
    #[error("{0:?} has uppercase letters; a repository is written in lowercase")]
    Uppercase(String),
    #[error(
        "{0:?} is not a repository path component: lowercase letters and digits, \
         separated by '.', '_', '__' or '-'"
    )]
    Component(String),
    #[error("a repository path has at most 255 characters")]
    TooLong,
    #[error(
        "{0:?} is not a tag: up to 128 letters, digits, '_', '.', '-', \
         the first a letter, a digit or '_'"
    )]
    Tag(String),
    #[error(transparent)]
    Digest(#[from] DigestError),
}

impl ReferenceError {
    pub(super) fn shifted(self, by: usize) -> Self {
        Self {
            at: self.at.start + by..self.at.end + by,
            ..self
        }
    }
}

pub(super) fn problem(problem: ReferenceProblem, at: Range<usize>) -> ReferenceError {
    ReferenceError { problem, at }
}

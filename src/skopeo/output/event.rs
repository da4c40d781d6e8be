//! The events of a copy by skopeo.
//!
//! Decides what is told apart, not how it is recognised. Invariant: the text of an event has no control characters and
//! no secrets.

use crate::{batch::BlobKind, oci::Digest};

/// Something that skopeo printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputEvent {
    /// Skopeo enters another step of the copy.
    Step(Step),
    /// A blob began, moved or ended.
    Blob {
        name: BlobName,
        kind: BlobKind,
        state: BlobState,
    },
    /// The digest of the manifest at the destination, which `--digestfile /dev/stdout` prints.
    Digest(Digest),
    /// A line that has no other meaning, for the log.
    Line(String),
}

/// A step of a copy. The copy of an index has several images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The signatures of the image are read: an image, or an attempt to copy it, begins.
    ReadingSignatures,
    /// The signatures of the index are read.
    ReadingIndexSignatures,
    /// So many images of the index are copied.
    Index {
        images: u32,
    },
    /// An image of the index begins.
    Image {
        digest: Digest,
        /// Its position among the images that are copied, from 1.
        number: u32,
        images: u32,
    },
    WritingManifest,
    /// The manifest of the index is written.
    WritingIndex,
    /// A signature is made or checked for the destination.
    Signing,
    /// Signatures are stored; skopeo after 1.18 prints this only for an index.
    StoringSignatures,
}

/// How skopeo names a blob: on a pipe with its digest, on a terminal with the first 10 to 12 digits of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlobName {
    Digest(Digest),
    /// Lowercase hex digits.
    Prefix(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobState {
    Started,
    /// In bytes, as exact as the one decimal of the output.
    Moving {
        done: u64,
        total: Option<u64>,
    },
    /// The destination has it already. Only a terminal shows this.
    Skipped,
    /// Copied. Only a terminal shows this; on a pipe the next step says it.
    Done,
}

impl BlobName {
    /// Whether this can be the blob of `digest`.
    #[must_use]
    pub fn matches(&self, digest: &Digest) -> bool {
        match self {
            Self::Digest(own) => own == digest,
            Self::Prefix(prefix) => digest.hex().starts_with(prefix),
        }
    }

    /// The hex digits that are known.
    #[must_use]
    pub fn hex(&self) -> String {
        match self {
            Self::Digest(digest) => digest.hex(),
            Self::Prefix(prefix) => prefix.clone(),
        }
    }
}

impl BlobState {
    /// Whether the blob is at the destination.
    #[must_use]
    pub fn is_settled(self) -> bool {
        match self {
            Self::Started | Self::Moving { .. } => false,
            Self::Skipped | Self::Done => true,
        }
    }

    /// Whether `next` tells more than this state.
    pub(super) fn is_before(self, next: Self) -> bool {
        match (self, next) {
            (Self::Skipped | Self::Done, _) | (_, Self::Started) => false,
            (Self::Moving { done, .. }, Self::Moving { done: next, .. }) => done < next,
            (Self::Started, Self::Moving { .. }) | (_, Self::Skipped | Self::Done) => true,
        }
    }
}

//! Words for single blobs.

use super::sanitize;
use crate::batch::{BlobKind, Settled};

/// What a blob is to its image.
#[must_use]
pub fn blob_kind(kind: BlobKind) -> &'static str {
    match kind {
        BlobKind::Config => "config",
        BlobKind::Layer => "layer",
    }
}

/// How a blob came to be where it should be.
#[must_use]
pub fn settled(how: &Settled) -> String {
    match how {
        Settled::Present => "present".into(),
        Settled::Mounted { from } => format!("mounted from {}", sanitize(from.as_str())),
        Settled::Copied => "copied".into(),
    }
}

//! How the bytes of a blob are uploaded to a registry, and which mode follows a refusal.
//!
//! Decides the next mode from a failure. Invariant: a learned mode applies to all uploads to the registry, and is never
//! the refused one.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use super::{Error, ErrorCause};
use crate::batch::{FailureClass, UploadMode};

/// First chunk size for a registry, or a proxy in front of it, that limits bodies: ACR to about 20 MB, Cloudflare to
/// 100 MB (quirks 10 and 43, see registry/quirks.md).
const FIRST_CHUNK_BYTES: u64 = 16 << 20;
/// Half of nginx's default limit of 1 MiB. With a lower limit layers cannot be sent.
const MIN_CHUNK_BYTES: u64 = 512 << 10;
/// Smaller bodies are sent before their token expires, so an expired token says nothing about the mode.
const LONG_BODY_BYTES: u64 = 32 << 20;

/// The mode of one registry, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct LearnedMode(Mutex<UploadMode>);

impl UploadMode {
    /// The mode for a body of `length` bytes: if it fits into one chunk, it is sent whole.
    #[must_use]
    pub fn fit(self, length: u64) -> Self {
        match self {
            Self::Chunks { bytes } if length <= bytes => Self::Whole,
            mode => mode,
        }
    }

    /// The mode after `error` to a request with `length` bytes. `failures` counts failures in a row without progress,
    /// this one included. `None` if another mode would not help.
    #[must_use]
    pub fn after(self, error: &Error, length: u64, failures: u32) -> Option<Self> {
        let is_repeated = failures > 1;
        match (error.status(), self) {
            (Some(413), _) => smaller(length),
            // GHCR refuses chunks that are too large as out of order (quirk 14).
            (Some(416), Self::Chunks { .. }) if is_repeated => smaller(length),
            // Artifactory answers so to a PUT with content, and accepts a PATCH (quirk 24).
            (Some(404 | 405 | 501), Self::Whole) if is_repeated => Some(Self::Streamed),
            // No support for chunks, or broken support (quirks 13 and 14).
            (Some(400 | 404 | 405 | 501), Self::Chunks { .. }) if is_repeated => {
                Some(Self::Streamed)
            }
            // The body took longer than its token was valid (quirk 36).
            (None, Self::Whole) if length >= LONG_BODY_BYTES && is_expiry(error) => {
                Some(Self::Streamed)
            }
            // A proxy may reset the connection if the body is too long (quirk 10).
            (None, _) if is_repeated && is_cut(error) => smaller(length),
            _ => None,
        }
    }
}

/// Chunks of at most half of what was refused. Powers of two, so that concurrent uploads learn the same size.
fn smaller(length: u64) -> Option<UploadMode> {
    let half = (length / 2).clamp(1, FIRST_CHUNK_BYTES);
    let bytes = 1 << half.ilog2();
    (bytes >= MIN_CHUNK_BYTES).then_some(UploadMode::Chunks { bytes })
}

fn is_expiry(error: &Error) -> bool {
    matches!(*error.cause, ErrorCause::Expired)
}

fn is_cut(error: &Error) -> bool {
    matches!(error.class(), FailureClass::Transient { .. })
        && matches!(*error.cause, ErrorCause::Network(_))
}

impl fmt::Display for UploadMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("in one request"),
            Self::Streamed => f.write_str("in one request and committed in another"),
            Self::Chunks { bytes } => match bytes >> 20 {
                0 => write!(f, "in chunks of {} KiB", bytes >> 10),
                mebibytes => write!(f, "in chunks of {mebibytes} MiB"),
            },
        }
    }
}

impl LearnedMode {
    pub(super) fn get(&self) -> UploadMode {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces `tried` by `next`, unless another upload has learned something else meanwhile. Returns the mode that
    /// is valid now.
    pub(super) fn replace(&self, tried: UploadMode, next: UploadMode) -> UploadMode {
        let mut mode = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_stricter = match (*mode, next) {
            (UploadMode::Chunks { bytes: now }, UploadMode::Chunks { bytes: next }) => next < now,
            (now, _) => now == tried,
        };
        if is_stricter || *mode == tried {
            *mode = next;
        }
        *mode
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Operation;

    fn error(cause: ErrorCause) -> Error {
        Error {
            operation: Operation::SendBlob,
            registry: "r.example".parse().unwrap(),
            url: None,
            cause: Box::new(cause),
        }
    }

    fn status(status: u16) -> Error {
        error(ErrorCause::Status {
            status,
            code: None,
            message: None,
            retry_after: None,
        })
    }

    const MIB: u64 = 1 << 20;

    #[test]
    fn quirk_43_a_body_that_is_too_long_is_halved_until_it_passes() {
        let mut mode = UploadMode::Whole;
        let mut length = 1000 * MIB;
        let mut sizes = Vec::new();
        while let Some(UploadMode::Chunks { bytes }) = mode.after(&status(413), length, 1) {
            sizes.push(bytes >> 10);
            (mode, length) = (UploadMode::Chunks { bytes }, bytes);
        }
        assert_eq!(sizes, [16_384, 8192, 4096, 2048, 1024, 512]);
    }

    #[test]
    fn quirk_10_a_second_cut_without_progress_is_a_body_too_long() {
        let cut = error(ErrorCause::Network("connection reset".into()));
        assert_eq!(UploadMode::Whole.after(&cut, 30 * MIB, 1), None);
        assert_eq!(
            UploadMode::Whole.after(&cut, 30 * MIB, 2),
            Some(UploadMode::Chunks { bytes: 8 * MIB })
        );
        // Half of it would be refused too.
        assert_eq!(UploadMode::Whole.after(&cut, 1000, 2), None);
    }

    #[test]
    fn quirk_14_chunks_refused_as_out_of_order_get_smaller() {
        let chunks = UploadMode::Chunks { bytes: 16 * MIB };
        let refused = status(416);
        assert_eq!(chunks.after(&refused, 16 * MIB, 1), None);
        let smaller = UploadMode::Chunks { bytes: 8 * MIB };
        assert_eq!(chunks.after(&refused, 16 * MIB, 2), Some(smaller));
    }

    #[test]
    fn quirk_13_a_registry_without_chunks_gets_one_stream() {
        let chunks = UploadMode::Chunks { bytes: 16 * MIB };
        assert_eq!(
            chunks.after(&status(405), 16 * MIB, 2),
            Some(UploadMode::Streamed)
        );
    }

    #[test]
    fn quirk_24_a_put_with_content_that_is_not_found_becomes_a_patch() {
        assert_eq!(UploadMode::Whole.after(&status(404), MIB, 1), None);
        assert_eq!(
            UploadMode::Whole.after(&status(404), MIB, 2),
            Some(UploadMode::Streamed)
        );
    }

    #[test]
    fn quirk_36_a_commit_refused_after_a_long_body_is_made_separate() {
        let expired = error(ErrorCause::Expired);
        assert_eq!(UploadMode::Whole.after(&expired, MIB, 1), None);
        assert_eq!(
            UploadMode::Whole.after(&expired, 1000 * MIB, 1),
            Some(UploadMode::Streamed)
        );
        assert_eq!(UploadMode::Streamed.after(&expired, 1000 * MIB, 1), None);
    }

    #[test]
    fn what_fits_into_one_chunk_goes_at_once() {
        let chunks = UploadMode::Chunks { bytes: MIB };
        assert_eq!(chunks.fit(MIB), UploadMode::Whole);
        assert_eq!(chunks.fit(MIB + 1), chunks);
        assert_eq!(UploadMode::Streamed.fit(1), UploadMode::Streamed);
    }
}

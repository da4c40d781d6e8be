//! How a registry wants a blob's bytes, and what its refusals teach about that.
//!
//! Decides the next mode from a failure, purely; who uploads asks here and goes on. Invariant: what was
//! learned holds for all uploads to the registry, and every step is away from what was refused.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use super::{Error, ErrorCause};
use crate::batch::{FailureClass, UploadMode};

/// Tried first when a body is too large for a registry or a proxy before it: ACR takes about 20 MB at
/// once, Cloudflare 100 MB (quirks 10 and 43).
const FIRST_CHUNK: u64 = 16 << 20;
/// A proxy that takes less than nginx by default, 1 MiB, is no way to send layers.
const SMALLEST_CHUNK: u64 = 512 << 10;
/// A shorter body arrives while its token lives, so that its expiry teaches nothing.
const LONG_BODY: u64 = 32 << 20;

/// The mode of one registry, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct LearnedMode(Mutex<UploadMode>);

impl UploadMode {
    /// The mode for a body of `length` bytes: what fits into one chunk goes at once.
    #[must_use]
    pub fn fit(self, length: u64) -> Self {
        match self {
            Self::Chunks { bytes } if length <= bytes => Self::Whole,
            mode => mode,
        }
    }

    /// The mode to go on with after `error` to a request with `length` bytes; `fruitless` counts
    /// failures in a row without a byte of progress, this one included. `None` if the mode is not to blame.
    #[must_use]
    pub fn after(self, error: &Error, length: u64, fruitless: u32) -> Option<Self> {
        let again = fruitless > 1;
        match (error.status(), self) {
            (Some(413), _) => smaller(length),
            // Chunks too large for GHCR are refused as out of order (quirk 14).
            (Some(416), Self::Chunks { .. }) if again => smaller(length),
            // Artifactory said so to a PUT with content, and took it as PATCH (quirk 24).
            (Some(404 | 405 | 501), Self::Whole) if again => Some(Self::Streamed),
            // No chunks here, or put together wrongly (quirks 13 and 14).
            (Some(400 | 404 | 405 | 501), Self::Chunks { .. }) if again => Some(Self::Streamed),
            // At the end of a body that took longer than its token lived (quirk 36).
            (None, Self::Whole) if length >= LONG_BODY && is_expiry(error) => Some(Self::Streamed),
            // A proxy that resets the connection when the body is too long for it (quirk 10).
            (None, _) if again && is_cut(error) => smaller(length),
            _ => None,
        }
    }
}

/// Chunks of at most half of what did not pass; powers of two, so that uploads side by side learn the same.
fn smaller(length: u64) -> Option<UploadMode> {
    let half = (length / 2).clamp(1, FIRST_CHUNK);
    let bytes = 1 << half.ilog2();
    (bytes >= SMALLEST_CHUNK).then_some(UploadMode::Chunks { bytes })
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
            Self::Whole => f.write_str("in one piece"),
            Self::Streamed => f.write_str("in one piece, committed separately"),
            Self::Chunks { bytes } => write!(f, "in chunks of {} KiB", bytes >> 10),
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
        // Halves would not pass either: the mode is not to blame.
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

//! Counts the bytes of one blob.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Position in a blob: bytes handed to the destination. Absolute, so a sample may be lost.
#[derive(Debug, Default)]
pub struct ByteCounter(AtomicU64);

impl ByteCounter {
    #[must_use]
    pub fn position(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub(crate) fn set(&self, position: u64) {
        self.0.store(position, Relaxed);
    }
}

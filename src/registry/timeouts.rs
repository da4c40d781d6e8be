//! How long a registry may be silent before it is given up.
//!
//! Decides durations and rates only; who waits measures. Invariant: what flows, however long it takes, is
//! never cut short.

use std::time::Duration;

use super::ErrorCause;

/// All of it is about silence, and what is next to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the answer to a request that carries no stream.
    pub answer: Duration,
    /// For the whole body of an error; what came until then is its message.
    pub error_body: Duration,
    /// For the next byte of a blob, or for room to send one.
    pub byte: Duration,
    /// Bytes a second; what brings less than that in `byte` of waiting does not flow.
    pub slowest: u64,
    /// For the answer after the last byte of a blob of a GiB or more: registries on object storage take
    /// minutes. Shorter ones get their share of it.
    pub commit: Duration,
    /// Between two tries to mend the same cut.
    pub resume_delay: Duration,
}

impl Timeouts {
    /// How long the answer to a body of `bytes` may take once it is sent.
    #[must_use]
    pub fn answer_to(&self, bytes: u64) -> Duration {
        let share = bytes as f64 / f64::from(1 << 30);
        (self.byte + self.commit.mul_f64(share.min(1.0))).min(self.commit.max(self.byte))
    }

    /// Bytes that have to be moved between two failures that are `cause` for the second to count as the
    /// first of its kind: any, unless it is slowness.
    #[must_use]
    pub fn progress_after(&self, cause: &ErrorCause) -> u64 {
        match cause {
            // Seconds of timeouts times a low rate: far below what a u64 holds.
            ErrorCause::TooSlow { .. } => self.slowest.saturating_mul(self.byte.as_secs()).max(1),
            _ => 1,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(90),
            error_body: Duration::from_secs(10),
            byte: Duration::from_secs(60),
            slowest: 1000,
            commit: Duration::from_secs(15 * 60),
            resume_delay: Duration::from_millis(500),
        }
    }
}

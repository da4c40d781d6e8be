//! Timeouts of requests to a registry, and the minimum throughput of blobs.
//!
//! Decides durations and rates; whoever waits measures. Invariant: a transfer that makes progress has no time limit.

use std::time::Duration;

use super::ErrorCause;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the answer to a request that carries no stream.
    pub answer: Duration,
    /// For the whole body of an error. What arrived until then is the message.
    pub error_body: Duration,
    /// For the next byte of a blob, or for room to send one.
    pub byte: Duration,
    /// Minimum throughput in bytes a second, measured over `byte` of waiting.
    pub min_throughput: u64,
    /// For the answer after the last byte of a blob of a GiB or more, because registries on object storage take
    /// minutes. Less in proportion for smaller blobs.
    pub commit: Duration,
    /// Between two attempts to resume after the same cut.
    pub resume_delay: Duration,
}

impl Timeouts {
    /// How long the answer to a body of `bytes` may take once it is sent.
    #[must_use]
    pub fn answer_to(&self, bytes: u64) -> Duration {
        let share = bytes as f64 / f64::from(1 << 30);
        (self.byte + self.commit.mul_f64(share.min(1.0))).min(self.commit.max(self.byte))
    }

    /// Bytes that must be transferred after a failure with `cause` to count as progress: one, or for slowness as much
    /// as the minimum throughput requires.
    #[must_use]
    pub fn progress_after(&self, cause: &ErrorCause) -> u64 {
        match cause {
            ErrorCause::TooSlow { .. } => self
                .min_throughput
                .saturating_mul(self.byte.as_secs())
                .max(1),
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
            min_throughput: 1000,
            commit: Duration::from_secs(15 * 60),
            resume_delay: Duration::from_millis(500),
        }
    }
}

//! How long a registry may be silent before it is given up.
//!
//! Decides durations only; who waits measures silence. Invariant: what flows, however slowly, is never cut
//! short.

use std::time::Duration;

/// All of it is about silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the answer to a request that carries no stream.
    pub answer: Duration,
    /// For the next byte of a blob, or for room to send one.
    pub byte: Duration,
    /// For the answer after the last byte of a blob of a GiB or more: registries on object storage take
    /// minutes. Shorter ones get their share of it.
    pub commit: Duration,
    /// Between two tries to mend the same cut.
    pub mend: Duration,
}

impl Patience {
    /// How long the answer to a body of `bytes` may take once it is sent.
    #[must_use]
    pub fn answer_to(&self, bytes: u64) -> Duration {
        let share = bytes as f64 / f64::from(1 << 30);
        (self.byte + self.commit.mul_f64(share.min(1.0))).min(self.commit.max(self.byte))
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(90),
            byte: Duration::from_secs(60),
            commit: Duration::from_secs(15 * 60),
            mend: Duration::from_millis(500),
        }
    }
}

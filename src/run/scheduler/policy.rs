//! When a failed attempt is followed by another.
//!
//! Decides how often and after how long, not for which failures. Invariant: what a registry asked for is never cut short.

use std::time::Duration;

use crate::batch::JobId;

/// When a failed attempt is followed by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Attempts per image, the first included; at least 1.
    pub attempts: u16,
    /// The wait after the first failure; doubles with each further one.
    pub base_delay: Duration,
    /// The longest wait of our own; a registry may ask for a longer one.
    pub longest_delay: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempts: 5,
            base_delay: Duration::from_secs(2),
            longest_delay: Duration::from_secs(120),
        }
    }
}

impl Policy {
    /// How long to wait once `job` was tried so many times. Doubles with every try; a quarter of it depends on
    /// the job, so that images that failed together do not come back together. What a registry asked for is
    /// never cut short.
    #[must_use]
    pub fn delay(&self, job: JobId, tries: u16, asked: Option<Duration>) -> Duration {
        let doublings = u32::from(tries.saturating_sub(1)).min(16);
        let own = (self.base_delay * 2u32.pow(doublings)).min(self.longest_delay);
        let spread = job.0.wrapping_mul(2_654_435_761) >> 24;
        let spread = own / 4 * spread / 256;
        (own + spread).max(asked.map_or(Duration::ZERO, |asked| asked + spread))
    }
}

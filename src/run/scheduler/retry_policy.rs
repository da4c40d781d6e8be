//! When a failed attempt is followed by another.
//!
//! Decides how often and after how long, not for which failures. Invariant: a wait that a registry asked for is never
//! shortened, and every image's attempts end. `assets/retries.md` has the numbers for operators.

use std::time::Duration;

use crate::batch::JobId;

/// How often registries may defer an image. Where they ask for minutes, this many are hours.
pub(super) const MAX_DEFERRALS: u16 = 100;
/// An image that was deferred for this long in all is not deferred again. A registry can ask for a day at most, so an
/// image waits for two days at most.
pub(super) const MAX_DEFERRED: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether an image that was deferred `deferrals` times, for `deferred` in all, may be deferred again.
pub(super) fn may_defer(deferrals: u16, deferred: Duration) -> bool {
    deferrals < MAX_DEFERRALS && deferred < MAX_DEFERRED
}

/// When a failed attempt is followed by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts per image, the first included; at least 1.
    pub attempts: u16,
    /// The wait after the first failure; doubles with each further one.
    pub base_delay: Duration,
    /// The longest wait that is not asked for by a registry.
    pub longest_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            base_delay: Duration::from_secs(2),
            longest_delay: Duration::from_secs(120),
        }
    }
}

impl RetryPolicy {
    /// How long to wait after `job` failed `tries` times. Doubles with every try. Up to a quarter of it depends on
    /// the job, so that images that failed together do not start together. Never shorter than `asked`.
    #[must_use]
    pub fn delay(&self, job: JobId, tries: u16, asked: Option<Duration>) -> Duration {
        let doublings = u32::from(tries.saturating_sub(1)).min(16);
        let own = (self.base_delay * 2u32.pow(doublings)).min(self.longest_delay);
        let spread = job.0.wrapping_mul(2_654_435_761) >> 24;
        let spread = own / 4 * spread / 256;
        (own + spread).max(asked.map_or(Duration::ZERO, |asked| asked + spread))
    }
}

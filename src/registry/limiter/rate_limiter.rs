//! A rate limiter without bursts (GCRA), whose rate can be changed while callers wait.
//!
//! Invariant: units are spaced evenly, and a raised rate applies from the next unit on.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

#[derive(Debug, Default)]
pub(super) struct RateLimiter(Mutex<Clock>);

#[derive(Debug, Default)]
struct Clock {
    /// Units a second; `None` means no limit.
    rate: Option<f64>,
    next: Option<Instant>,
}

impl RateLimiter {
    pub(super) fn new(rate: Option<f64>) -> Self {
        let limiter = Self::default();
        limiter.set(rate);
        limiter
    }

    pub(super) fn set(&self, rate: Option<f64>) {
        let mut clock = self.clock();
        let rate = rate.filter(|rate| *rate > 0.0);
        // Scale the remaining wait to the new rate. Dropping it would space nothing if every answer changes the rate.
        clock.next = match (clock.rate, rate, clock.next) {
            (Some(old), Some(new), Some(next)) => {
                let now = Instant::now();
                let left = next.saturating_duration_since(now).as_secs_f64();
                let left = Duration::try_from_secs_f64(left * old / new).unwrap_or(MAX_STEP);
                Some(now + left.min(MAX_STEP))
            }
            _ => None,
        };
        clock.rate = rate;
    }

    pub(super) fn rate(&self) -> Option<f64> {
        self.clock().rate
    }

    pub(super) async fn wait(&self, units: u64) {
        let due = {
            let mut clock = self.clock();
            let Some(rate) = clock.rate else { return };
            let now = Instant::now();
            let due = clock.next.unwrap_or(now).max(now);
            // A unit count is far below what an f64 counts exactly.
            let step = Duration::try_from_secs_f64(units as f64 / rate).unwrap_or(MAX_STEP);
            clock.next = Some(due + step.min(MAX_STEP));
            due
        };
        tokio::time::sleep_until(due).await;
    }

    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The longest wait that one call causes for the next.
const MAX_STEP: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn units_are_spaced_by_the_rate() {
        let limiter = RateLimiter::new(Some(10.0));
        let before = Instant::now();
        for _ in 0..11 {
            limiter.wait(1).await;
        }
        assert_eq!(before.elapsed().as_millis(), 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_raised_rate_applies_from_the_next_unit_on() {
        let limiter = RateLimiter::new(Some(0.01));
        limiter.wait(1).await;
        limiter.set(Some(10.0));
        let before = Instant::now();
        limiter.wait(1).await;
        assert_eq!(before.elapsed().as_millis(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_that_changes_again_and_again_spaces_all_the_same() {
        let limiter = RateLimiter::new(Some(10.0));
        let before = Instant::now();
        for step in 0..11 {
            limiter.wait(1).await;
            limiter.set(Some(10.0 + f64::from(step) / 1000.0));
        }
        assert!(before.elapsed() > Duration::from_millis(990));
    }
}

//! Spacing in time: so many units a second, the rate changeable while others wait.
//!
//! Invariant: units go evenly, without bursts, and a raised rate is felt by the next unit.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// A virtual clock that every unit moves on (GCRA without burst).
#[derive(Debug, Default)]
pub(super) struct RateLimiter(Mutex<Clock>);

#[derive(Debug, Default)]
struct Clock {
    /// Units a second; `None` is as fast as they come.
    rate: Option<f64>,
    next: Option<Instant>,
}

impl RateLimiter {
    pub(super) fn new(rate: Option<f64>) -> Self {
        let pace = Self::default();
        pace.set(rate);
        pace
    }

    pub(super) fn set(&self, rate: Option<f64>) {
        let mut clock = self.clock();
        let rate = rate.filter(|rate| *rate > 0.0);
        // What was put off at the old rate must not hold back the new one longer than it would have; all
        // of it forgotten, a rate that changes with every answer would space nothing.
        clock.next = match (clock.rate, rate, clock.next) {
            (Some(old), Some(new), Some(next)) => {
                let now = Instant::now();
                let left = next.saturating_duration_since(now).as_secs_f64();
                let left = Duration::try_from_secs_f64(left * old / new).unwrap_or(LONGEST_STEP);
                Some(now + left.min(LONGEST_STEP))
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
            let step = Duration::try_from_secs_f64(units as f64 / rate).unwrap_or(LONGEST_STEP);
            clock.next = Some(due + step.min(LONGEST_STEP));
            due
        };
        tokio::time::sleep_until(due).await;
    }

    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// No single unit puts off the next by more than this, whatever the rate.
const LONGEST_STEP: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn units_are_spaced_by_the_rate() {
        let pace = RateLimiter::new(Some(10.0));
        let before = Instant::now();
        for _ in 0..11 {
            pace.wait(1).await;
        }
        assert_eq!(before.elapsed().as_millis(), 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_raised_rate_is_felt_by_the_next_unit() {
        let pace = RateLimiter::new(Some(0.01));
        pace.wait(1).await;
        pace.set(Some(10.0));
        let before = Instant::now();
        pace.wait(1).await;
        assert_eq!(before.elapsed().as_millis(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_that_changes_again_and_again_spaces_all_the_same() {
        let pace = RateLimiter::new(Some(10.0));
        let before = Instant::now();
        for step in 0..11 {
            pace.wait(1).await;
            pace.set(Some(10.0 + f64::from(step) / 1000.0));
        }
        assert!(before.elapsed() > Duration::from_millis(990));
    }
}

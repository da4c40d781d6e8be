//! The rate of one operation at a registry that counts each of them on its own (quirk 2).
//!
//! Decides how often that operation may be asked for once it was refused; until then, and for all others,
//! the limiter's rate alone counts. Invariant: what one operation is refused for slows no other.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{aimd::Aimd, latency_histogram::LatencyHistogram, rate_limiter::RateLimiter};

#[derive(Debug)]
pub(super) struct OperationLimit {
    /// Of one operation there is a rate and a pause to learn; streams are the limiter's.
    pressure: Aimd,
    answers: LatencyHistogram,
    pace: Arc<RateLimiter>,
}

impl OperationLimit {
    pub(super) fn new() -> Self {
        Self {
            pressure: Aimd::new(1, None),
            answers: LatencyHistogram::new(),
            pace: Arc::default(),
        }
    }

    /// What the next request has to wait for.
    pub(super) fn pace(&self) -> Arc<RateLimiter> {
        Arc::clone(&self.pace)
    }

    pub(super) fn closed_for(&self, now: Instant) -> Option<Duration> {
        self.pressure.closed_for(now)
    }

    /// Requests a second it is allowed, if it was refused.
    pub(super) fn request_limit(&self) -> Option<f64> {
        self.pressure.pace()
    }

    pub(super) fn asked(&mut self) {
        self.answers.asked();
    }

    /// It was refused for being asked for too often; returns for how long it is not.
    pub(super) fn refuse(&mut self, now: Instant) -> Duration {
        let rate = self.answers.rate();
        let pause = self.pressure.refuse(now, None, rate);
        self.pace.set(self.pressure.pace());
        pause
    }

    pub(super) fn good(&mut self, now: Instant) {
        self.pressure.good(now);
        if self.pace.rate() != self.pressure.pace() {
            self.pace.set(self.pressure.pace());
        }
    }
}

//! The request rate of one operation, for registries that limit operations separately (quirk 2, see
//! registry/quirks.md).
//!
//! Decides the rate after a refusal of the operation; before, only the registry's rate counts. Invariant: a refusal of
//! one operation slows down no other.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{aimd::Aimd, latency_histogram::LatencyHistogram, rate_limiter::RateLimiter};

#[derive(Debug)]
pub(super) struct OperationLimit {
    /// For the rate and the pause; its streams are unused.
    aimd: Aimd,
    latencies: LatencyHistogram,
    rate_limiter: Arc<RateLimiter>,
}

impl OperationLimit {
    pub(super) fn new() -> Self {
        Self {
            aimd: Aimd::new(1, None),
            latencies: LatencyHistogram::new(),
            rate_limiter: Arc::default(),
        }
    }

    /// What the next request has to wait for.
    pub(super) fn rate_limiter(&self) -> Arc<RateLimiter> {
        Arc::clone(&self.rate_limiter)
    }

    pub(super) fn paused_for(&self, now: Instant) -> Option<Duration> {
        self.aimd.paused_for(now)
    }

    /// Requests a second that are allowed, once one was refused.
    pub(super) fn request_limit(&self) -> Option<f64> {
        self.aimd.rate()
    }

    pub(super) fn sent(&mut self) {
        self.latencies.sent();
    }

    /// The registry refused a request because of the rate of this operation. Returns the pause.
    pub(super) fn refuse(&mut self, now: Instant) -> Duration {
        let rate = self.latencies.rate();
        let pause = self.aimd.refuse(now, None, rate);
        self.rate_limiter.set(self.aimd.rate());
        pause
    }

    pub(super) fn good(&mut self, now: Instant) {
        self.aimd.good(now);
        if self.rate_limiter.rate() != self.aimd.rate() {
            self.rate_limiter.set(self.aimd.rate());
        }
    }
}

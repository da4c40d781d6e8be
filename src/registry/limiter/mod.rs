//! The limiter of one registry: concurrent blob streams, requests and bytes a second, pauses after rate limiting.
//!
//! Decides when a request may be sent, not whether a failed one is retried. Invariant: a registry that is rate limiting
//! slows down no other registry.

mod aimd;
mod latency_histogram;
mod operation_limit;
mod rate_limiter;
mod request_counter;
pub(super) mod streams;

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

pub use self::streams::StreamPermit;
use self::{
    aimd::Aimd, latency_histogram::LatencyHistogram, operation_limit::OperationLimit,
    rate_limiter::RateLimiter, request_counter::RequestCounter, streams::Streams,
};
use super::{
    ErrorCause, Operation,
    circuit_breaker::{CircuitBreaker, Down, Pass},
    throttling::Throttling,
};
use crate::{
    batch::{Budget, Rationed, RegistryLimit, RegistryStatus, StoreUsage, UploadMode},
    oci::Store,
};

/// Requests wait for pauses up to this; for longer ones they fail at once, so that work at other registries goes on.
const SHORT_PAUSE: Duration = Duration::from_secs(10);
/// An answer without a body that takes longer counts as strain.
const SLOW_ANSWER: Duration = Duration::from_secs(20);

/// The operator's limits for one registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Blob bodies in flight at once.
    pub streams: u16,
    pub requests_per_second: Option<u32>,
    pub bytes_per_second: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams: 10,
            requests_per_second: None,
            bytes_per_second: None,
        }
    }
}

#[derive(Debug)]
pub struct RegistryLimiter {
    pub(super) streams: Streams,
    /// What was sent, and how it was answered.
    pub(super) counter: RequestCounter,
    requests: RateLimiter,
    bytes: RateLimiter,
    breaker: CircuitBreaker,
    state: Mutex<State>,
    requests_sent: AtomicU64,
    bytes_moved: AtomicU64,
}

#[derive(Debug)]
struct State {
    aimd: Aimd,
    operations: HashMap<Operation, OperationLimit>,
    latencies: LatencyHistogram,
    budget: Option<Budget>,
}

/// Why no request may be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unavailable {
    Throttled(Duration),
    Down(Down),
}

impl RegistryLimiter {
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let rate = limits.requests_per_second.map(f64::from);
        let aimd = Aimd::new(limits.streams, rate);
        let streams = usize::from(aimd.streams());
        Self {
            streams: Streams::new(streams),
            counter: RequestCounter::default(),
            requests: RateLimiter::new(rate),
            bytes: RateLimiter::new(limits.bytes_per_second.map(bytes_rate)),
            breaker: CircuitBreaker::waiting(),
            state: Mutex::new(State {
                aimd,
                operations: HashMap::new(),
                latencies: LatencyHistogram::new(),
                budget: None,
            }),
            requests_sent: AtomicU64::new(0),
            bytes_moved: AtomicU64::new(0),
        }
    }

    /// Waits for a blob stream. Use [`StreamQueue`] to get one at two registries.
    pub async fn stream(&self) -> StreamPermit {
        loop {
            // Created before the try, so that no notification after it is missed.
            let freed = self.streams.freed();
            match self.streams.try_acquire(None) {
                Some(permit) => return permit,
                None => freed.await,
            }
        }
    }

    /// Changes what the operator allows.
    pub fn set(&self, limit: RegistryLimit) {
        let mut state = self.state();
        match limit {
            RegistryLimit::Streams(streams) => state.aimd.set_ceiling(streams),
            RegistryLimit::RequestsPerSecond(rate) => {
                state.aimd.set_operator_rate(rate.map(f64::from));
            }
            RegistryLimit::BytesPerSecond(rate) => self.bytes.set(rate.map(bytes_rate)),
        }
        self.apply(&state.aimd);
    }

    /// Waits until a request for `operation` may be sent to the host of `breaker`, and counts it. The host is the
    /// registry, or one that it redirects to. Returns the reason instead if the wait would be too long.
    pub(super) async fn admit(
        &self,
        breaker: &CircuitBreaker,
        operation: Operation,
    ) -> Result<Pass, Unavailable> {
        let pass = loop {
            self.wait_open(breaker, operation).await?;
            let operation_limit = self.state().operation_limit(operation).rate_limiter();
            operation_limit.wait(1).await;
            self.requests.wait(1).await;
            if self.unavailable(breaker, operation).is_none()
                && let Ok(pass) = breaker.admit()
            {
                break pass;
            }
        };
        let mut state = self.state();
        state.latencies.sent();
        state.operation_limit(operation).sent();
        self.requests_sent.fetch_add(1, Relaxed);
        Ok(pass)
    }

    async fn wait_open(
        &self,
        breaker: &CircuitBreaker,
        operation: Operation,
    ) -> Result<(), Unavailable> {
        while let Some(closed) = self.unavailable(breaker, operation) {
            match closed.left() {
                Some(left) if left <= SHORT_PAUSE => tokio::time::sleep(left).await,
                Some(_) | None => return Err(closed),
            }
        }
        Ok(())
    }

    /// Waits for a pause of all operations to end, if it is short.
    pub(super) async fn short_pause(&self) {
        loop {
            let now = Instant::now();
            let throttled = self.state().aimd.paused_for(now);
            let left = throttled.max(self.breaker.postponed_for());
            match left {
                Some(left) if left <= SHORT_PAUSE => tokio::time::sleep(left).await,
                _ => return,
            }
        }
    }

    fn unavailable(&self, breaker: &CircuitBreaker, operation: Operation) -> Option<Unavailable> {
        let now = Instant::now();
        let mut state = self.state();
        let own = state.operation_limit(operation).paused_for(now);
        let throttled = state.aimd.paused_for(now).max(own);
        match breaker.down() {
            Some(down) if down.left.is_none() || down.left > throttled => {
                Some(Unavailable::Down(down))
            }
            _ => throttled.map(Unavailable::Throttled),
        }
    }

    /// The circuit breaker of the registry itself.
    pub(super) fn breaker(&self) -> &CircuitBreaker {
        &self.breaker
    }

    /// Whether the registry is down, requests wait for it, and a probe is due.
    #[must_use]
    pub fn wants_probe(&self) -> bool {
        self.breaker.wants_probe()
    }

    /// Counts bytes of a blob and waits if they exceed the byte limit.
    pub async fn throttle_bytes(&self, bytes: u64) {
        self.bytes_moved.fetch_add(bytes, Relaxed);
        self.breaker.moved();
        self.bytes.wait(bytes).await;
    }

    /// Adapts the limits to an answer. `elapsed` is absent for an answer that waited for a streamed body. Returns the
    /// pause of the registry, or of the operation, that follows from the answer.
    pub(super) fn answered(
        &self,
        operation: Operation,
        elapsed: Option<Duration>,
        throttling: Throttling,
        budget: Option<Budget>,
    ) -> Option<Duration> {
        let now = Instant::now();
        let mut state = self.state();
        if let Some(elapsed) = elapsed {
            state.latencies.answered(elapsed);
        }
        state.budget = budget.or(state.budget);
        let is_paused = match throttling {
            Throttling::Operation => state.operation_limit(operation).paused_for(now).is_some(),
            Throttling::Rate { .. } | Throttling::Quota { .. } => {
                state.aimd.paused_for(now).is_some()
            }
            Throttling::Strain | Throttling::None => false,
        };
        let pause = match throttling {
            Throttling::Rate { pause } => {
                let rate = state.latencies.rate();
                Some(state.aimd.refuse(now, pause, rate))
            }
            Throttling::Operation => Some(state.operation_limit(operation).refuse(now)),
            Throttling::Quota { pause } => Some(state.aimd.pause(now, pause)),
            Throttling::Strain => {
                state.aimd.strain(now);
                None
            }
            Throttling::None if elapsed.is_some_and(|elapsed| elapsed > SLOW_ANSWER) => {
                state.aimd.strain(now);
                None
            }
            Throttling::None => {
                state.aimd.good(now);
                state.operation_limit(operation).good(now);
                None
            }
        };
        self.apply(&state.aimd);
        if pause.is_some() && !is_paused {
            self.counter.throttling_began();
        }
        pause
    }

    /// Pauses the registry because its token server is rate limiting.
    pub fn throttle(&self, pause: Duration) {
        let refused = Throttling::Rate { pause: Some(pause) };
        self.answered(Operation::FetchToken, None, refused, None);
    }

    /// Applies the limits of `aimd`. Called with the state locked, so that changes do not mix.
    fn apply(&self, aimd: &Aimd) {
        if self.requests.rate() != aimd.rate() {
            self.requests.set(aimd.rate());
        }
        self.streams.set_limit(usize::from(aimd.streams()));
    }

    /// The limiter of `store` at this moment.
    #[must_use]
    pub fn status(&self, store: Store, upload_mode: UploadMode) -> RegistryStatus {
        let now = Instant::now();
        let mut state = self.state();
        let throttled = state.aimd.paused_for(now);
        let down = self.breaker.postponed_for();
        RegistryStatus {
            registry: store,
            streams: u16::try_from(self.streams.used()).unwrap_or(u16::MAX),
            stream_limit: state.aimd.streams(),
            stream_ceiling: state.aimd.ceiling(),
            requests: self.requests_sent.load(Relaxed),
            bytes: self.bytes_moved.load(Relaxed),
            throttled_ms: throttled.max(down).map(Into::into),
            unreachable: down > throttled,
            request_rate: state.latencies.rate().round() as u32,
            request_limit: state.aimd.rate().map(whole_rate),
            // Set from an integer.
            byte_limit: self.bytes.rate().map(|rate| rate as u64),
            answer_p50_ms: state.latencies.within(0.5).map(Into::into),
            answer_p95_ms: state.latencies.within(0.95).map(Into::into),
            rationed: state.rationed(now),
            budget: state.budget,
            upload_mode,
        }
    }

    /// How `store` was used until now.
    #[must_use]
    pub fn usage(&self, store: Store, upload_mode: UploadMode) -> StoreUsage {
        StoreUsage {
            status: self.status(store, upload_mode),
            requests: self.counter.counts(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Unavailable> for ErrorCause {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::Throttled(left) => Self::RateLimited(left),
            Unavailable::Down(down) => down.into(),
        }
    }
}

impl Unavailable {
    /// The time until a request may be sent; absent if requests must not wait for it.
    fn left(&self) -> Option<Duration> {
        match self {
            Self::Throttled(left) => Some(*left),
            Self::Down(down) => down.left,
        }
    }
}

impl State {
    fn operation_limit(&mut self, operation: Operation) -> &mut OperationLimit {
        self.operations
            .entry(operation)
            .or_insert_with(OperationLimit::new)
    }

    /// The operation with the longest pause, else the one with the lowest limit.
    fn rationed(&self, now: Instant) -> Option<Rationed> {
        let limited = self.operations.iter().filter_map(|(operation, limit)| {
            Some((operation, limit.request_limit()?, limit.paused_for(now)))
        });
        let slowest = limited.max_by(|(_, one_rate, one), (_, other_rate, other)| {
            one.cmp(other).then(other_rate.total_cmp(one_rate))
        });
        slowest.map(|(operation, rate, pause)| Rationed {
            operation: operation.to_string(),
            request_limit: whole_rate(rate),
            pause_ms: pause.map(Into::into),
        })
    }
}

/// The next integer, so that no limit reads as 0.
fn whole_rate(rate: f64) -> u32 {
    rate.ceil() as u32
}

/// Rates are far below what an f64 counts exactly.
fn bytes_rate(rate: u64) -> f64 {
    rate as f64
}

#[cfg(test)]
mod tests;

//! A registry's limiter: how many blob streams it carries, how fast it is asked, and until when it is left
//! alone.
//!
//! Decides when a request may be sent, not whether a failed one is sent again. Invariant: throttling
//! pauses this limiter only.

mod aimd;
mod latency_histogram;
mod operation_limit;
mod rate_limiter;
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
    rate_limiter::RateLimiter, streams::Streams,
};
use super::{
    ErrorCause, Operation,
    circuit_breaker::{CircuitBreaker, Down, Pass},
    throttling::Throttling,
};
use crate::{
    batch::{Budget, Rationed, RegistryLimit, RegistryStatus, UploadMode},
    oci::Registry,
};

/// A pause of up to this is waited for on the spot; whoever would wait longer is told so instead, to make
/// room for work at other registries.
const SHORT_PAUSE: Duration = Duration::from_secs(10);
/// An answer without a body that takes longer is a sign of strain.
const SLOW_ANSWER: Duration = Duration::from_secs(20);

/// What an operator allows at one registry.
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
    requests: RateLimiter,
    bytes: RateLimiter,
    breaker: CircuitBreaker,
    state: Mutex<State>,
    requests_sent: AtomicU64,
    bytes_moved: AtomicU64,
}

#[derive(Debug)]
struct State {
    pressure: Aimd,
    buckets: HashMap<Operation, OperationLimit>,
    answers: LatencyHistogram,
    budget: Option<Budget>,
}

/// Why a registry is not asked now, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unavailable {
    Throttled(Duration),
    Down(Down),
}

impl RegistryLimiter {
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let pace = limits.requests_per_second.map(f64::from);
        let pressure = Aimd::new(limits.streams, pace);
        let streams = usize::from(pressure.streams());
        Self {
            streams: Streams::new(streams),
            requests: RateLimiter::new(pace),
            bytes: RateLimiter::new(limits.bytes_per_second.map(bytes_rate)),
            breaker: CircuitBreaker::patient(),
            state: Mutex::new(State {
                pressure,
                buckets: HashMap::new(),
                answers: LatencyHistogram::new(),
                budget: None,
            }),
            requests_sent: AtomicU64::new(0),
            bytes_moved: AtomicU64::new(0),
        }
    }

    /// Waits for a place among this registry's blob streams. Whoever needs one at another registry too waits in a
    /// [`StreamQueue`] instead.
    pub async fn stream(&self) -> StreamPermit {
        loop {
            // Begun before the try, so that nothing that is freed after it is missed.
            let freed = self.streams.freed();
            match self.streams.try_take(None) {
                Some(permit) => return permit,
                None => freed.await,
            }
        }
    }

    /// Changes what the operator allows.
    pub fn set(&self, limit: RegistryLimit) {
        let mut state = self.state();
        match limit {
            RegistryLimit::Streams(streams) => state.pressure.set_ceiling(streams),
            RegistryLimit::RequestsPerSecond(rate) => {
                state.pressure.set_operator_pace(rate.map(f64::from));
            }
            RegistryLimit::BytesPerSecond(rate) => self.bytes.set(rate.map(bytes_rate)),
        }
        self.apply(&state.pressure);
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
            let bucket = self.state().bucket(operation).pace();
            bucket.wait(1).await;
            self.requests.wait(1).await;
            if self.closed_for(breaker, operation).is_none()
                && let Ok(pass) = breaker.admit()
            {
                break pass;
            }
        };
        let mut state = self.state();
        state.answers.asked();
        state.bucket(operation).asked();
        self.requests_sent.fetch_add(1, Relaxed);
        Ok(pass)
    }

    async fn wait_open(
        &self,
        breaker: &CircuitBreaker,
        operation: Operation,
    ) -> Result<(), Unavailable> {
        while let Some(closed) = self.closed_for(breaker, operation) {
            match closed.left() {
                Some(left) if left <= SHORT_PAUSE => tokio::time::sleep(left).await,
                Some(_) | None => return Err(closed),
            }
        }
        Ok(())
    }

    /// Waits until no operation is paused, unless that is too long to wait for.
    pub(super) async fn short_pause(&self) {
        loop {
            let now = Instant::now();
            let throttled = self.state().pressure.closed_for(now);
            let left = throttled.max(self.breaker.put_off());
            match left {
                Some(left) if left <= SHORT_PAUSE => tokio::time::sleep(left).await,
                _ => return,
            }
        }
    }

    fn closed_for(&self, breaker: &CircuitBreaker, operation: Operation) -> Option<Unavailable> {
        let now = Instant::now();
        let mut state = self.state();
        let own = state.bucket(operation).closed_for(now);
        let throttled = state.pressure.closed_for(now).max(own);
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

    /// Whether the registry is down, waited for, and nobody asks whether it is back.
    #[must_use]
    pub fn wants_probe(&self) -> bool {
        self.breaker.wants_probe()
    }

    /// Counts bytes of a blob body, and waits when they come faster than allowed.
    pub async fn throttle_bytes(&self, bytes: u64) {
        self.bytes_moved.fetch_add(bytes, Relaxed);
        self.breaker.moved();
        self.bytes.wait(bytes).await;
    }

    /// Takes in how the registry answered `operation`; `elapsed` is absent for an answer that waited for a
    /// body. Returns how long it is left alone, or not asked for that, because of it.
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
            state.answers.answered(elapsed);
        }
        state.budget = budget.or(state.budget);
        let pause = match throttling {
            Throttling::Rate { pause } => {
                let rate = state.answers.rate();
                Some(state.pressure.refuse(now, pause, rate))
            }
            Throttling::Operation => Some(state.bucket(operation).refuse(now)),
            Throttling::Quota { pause } => Some(state.pressure.close(now, pause)),
            Throttling::Strain => {
                state.pressure.strain(now);
                None
            }
            Throttling::None if elapsed.is_some_and(|elapsed| elapsed > SLOW_ANSWER) => {
                state.pressure.strain(now);
                None
            }
            Throttling::None => {
                state.pressure.good(now);
                state.bucket(operation).good(now);
                None
            }
        };
        self.apply(&state.pressure);
        pause
    }

    /// Closes the limiter for `pause`: its token server is asked too much.
    pub fn throttle(&self, pause: Duration) {
        let refused = Throttling::Rate { pause: Some(pause) };
        self.answered(Operation::FetchToken, None, refused, None);
    }

    /// Makes the limits what `pressure` says; called with the state locked, so that changes do not mix.
    fn apply(&self, pressure: &Aimd) {
        if self.requests.rate() != pressure.pace() {
            self.requests.set(pressure.pace());
        }
        self.streams.set_limit(usize::from(pressure.streams()));
    }

    /// The limiter of `registry` at this moment.
    #[must_use]
    pub fn status(&self, registry: Registry, upload_mode: UploadMode) -> RegistryStatus {
        let now = Instant::now();
        let mut state = self.state();
        let throttled = state.pressure.closed_for(now);
        let down = self.breaker.put_off();
        RegistryStatus {
            registry,
            streams: u16::try_from(self.streams.used()).unwrap_or(u16::MAX),
            stream_limit: state.pressure.streams(),
            stream_ceiling: state.pressure.ceiling(),
            requests: self.requests_sent.load(Relaxed),
            bytes: self.bytes_moved.load(Relaxed),
            throttled_ms: throttled.max(down).map(Into::into),
            unreachable: down > throttled,
            request_rate: state.answers.rate().round() as u32,
            request_limit: state.pressure.pace().map(whole_rate),
            // Set from an integer.
            byte_limit: self.bytes.rate().map(|rate| rate as u64),
            answer_p50_ms: state.answers.within(0.5).map(Into::into),
            answer_p95_ms: state.answers.within(0.95).map(Into::into),
            rationed: state.rationed(now),
            budget: state.budget,
            upload_mode,
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
    /// How long until it may be asked; absent where that is not worth waiting for.
    fn left(&self) -> Option<Duration> {
        match self {
            Self::Throttled(left) => Some(*left),
            Self::Down(down) => down.left,
        }
    }
}

impl State {
    fn bucket(&mut self, operation: Operation) -> &mut OperationLimit {
        self.buckets
            .entry(operation)
            .or_insert_with(OperationLimit::new)
    }

    /// What is paused longest, and of what is not paused what is slowest.
    fn rationed(&self, now: Instant) -> Option<Rationed> {
        let limited = self.buckets.iter().filter_map(|(operation, bucket)| {
            Some((operation, bucket.request_limit()?, bucket.closed_for(now)))
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

//! A registry's lane: how many blob streams it carries, and until when it asked to be left alone.
//!
//! Decides when a request may be sent, not whether a failed one is sent again. Invariant: throttling
//! pauses this lane only, and a lowered limit takes effect as streams end, never by killing one.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

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
            streams: 8,
            requests_per_second: None,
            bytes_per_second: None,
        }
    }
}

#[derive(Debug)]
pub struct Lane {
    streams: Arc<Semaphore>,
    limit: AtomicUsize,
    /// Permits to be withdrawn as soon as they come back.
    surplus: Arc<AtomicUsize>,
    requests: Pace,
    bytes: Pace,
    closed_until: Mutex<Option<Instant>>,
    requests_sent: AtomicU64,
    bytes_moved: AtomicU64,
}

/// The right to have one blob body in flight.
#[derive(Debug)]
pub struct StreamPermit {
    permit: Option<OwnedSemaphorePermit>,
    surplus: Arc<AtomicUsize>,
}

/// A lane at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneSample {
    pub streams: u16,
    pub stream_limit: u16,
    pub requests: u64,
    pub bytes: u64,
    /// How long until the lane opens again.
    pub throttled: Option<Duration>,
}

impl Lane {
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let streams = usize::from(limits.streams.max(1));
        Self {
            streams: Arc::new(Semaphore::new(streams)),
            limit: AtomicUsize::new(streams),
            surplus: Arc::default(),
            requests: Pace::new(limits.requests_per_second.map(u64::from)),
            bytes: Pace::new(limits.bytes_per_second),
            closed_until: Mutex::default(),
            requests_sent: AtomicU64::new(0),
            bytes_moved: AtomicU64::new(0),
        }
    }

    /// Waits for a place among this registry's blob streams.
    pub async fn stream(&self) -> StreamPermit {
        // The semaphore is never closed, so an error cannot happen; without a permit we would only be
        // less strict.
        let permit = Arc::clone(&self.streams).acquire_owned().await.ok();
        StreamPermit {
            permit,
            surplus: Arc::clone(&self.surplus),
        }
    }

    /// Changes how many streams may be in flight; at least 1.
    pub fn set_streams(&self, streams: u16) {
        let wanted = usize::from(streams.max(1));
        let had = self.limit.swap(wanted, Relaxed);
        if wanted > had {
            // Permits not yet withdrawn are simply kept.
            let owed = self.surplus.fetch_update(Relaxed, Relaxed, |surplus| {
                Some(surplus.saturating_sub(wanted - had))
            });
            let kept = owed.unwrap_or(0).min(wanted - had);
            self.streams.add_permits(wanted - had - kept);
        } else {
            let withdrawn = self.streams.forget_permits(had - wanted);
            self.surplus.fetch_add(had - wanted - withdrawn, Relaxed);
        }
    }

    /// Waits until the registry may be asked, and counts the request.
    pub(super) async fn enter(&self) {
        self.requests.wait(1).await;
        loop {
            let until = *self
                .closed_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => break,
            }
        }
        self.requests_sent.fetch_add(1, Relaxed);
    }

    /// Counts bytes of a blob body, and waits when they come faster than allowed.
    pub async fn moved(&self, bytes: u64) {
        self.bytes_moved.fetch_add(bytes, Relaxed);
        self.bytes.wait(bytes).await;
    }

    /// Closes the lane for `pause`, unless it is closed for longer already.
    pub fn throttle(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut closed = self
            .closed_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *closed = closed.max(Some(until));
    }

    #[must_use]
    pub fn sample(&self) -> LaneSample {
        let limit = self.limit.load(Relaxed);
        let free = self.streams.available_permits();
        let until = *self
            .closed_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let used = (limit + self.surplus.load(Relaxed)).saturating_sub(free);
        LaneSample {
            streams: u16::try_from(used).unwrap_or(u16::MAX),
            stream_limit: u16::try_from(limit).unwrap_or(u16::MAX),
            requests: self.requests_sent.load(Relaxed),
            bytes: self.bytes_moved.load(Relaxed),
            throttled: until
                .map(|until| until.saturating_duration_since(Instant::now()))
                .filter(|left| !left.is_zero()),
        }
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let owed = self
            .surplus
            .fetch_update(Relaxed, Relaxed, |surplus| surplus.checked_sub(1));
        if let (Ok(_), Some(permit)) = (owed, self.permit.take()) {
            permit.forget();
        }
    }
}

/// Spaces units evenly in time: a virtual clock that each unit moves on (GCRA without burst).
#[derive(Debug)]
struct Pace {
    per_second: Option<u64>,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    fn new(per_second: Option<u64>) -> Self {
        Self {
            per_second: per_second.filter(|rate| *rate > 0),
            next: Mutex::default(),
        }
    }

    async fn wait(&self, units: u64) {
        let Some(rate) = self.per_second else {
            return;
        };
        let due = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let due = next.unwrap_or_else(Instant::now).max(Instant::now());
            let nanoseconds = u128::from(units) * 1_000_000_000 / u128::from(rate);
            *next =
                Some(due + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX)));
            due
        };
        tokio::time::sleep_until(due).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(streams: u16) -> Limits {
        Limits {
            streams,
            ..Limits::default()
        }
    }

    #[tokio::test]
    async fn a_lowered_limit_takes_effect_as_streams_end() {
        let lane = Lane::new(limits(3));
        let held = [
            lane.stream().await,
            lane.stream().await,
            lane.stream().await,
        ];
        lane.set_streams(1);
        assert_eq!((lane.sample().streams, lane.sample().stream_limit), (3, 1));
        let [a, b, c] = held;
        drop((a, b));
        assert_eq!(lane.streams.available_permits(), 0);
        drop(c);
        assert_eq!(lane.streams.available_permits(), 1);
    }

    #[tokio::test]
    async fn raising_a_limit_first_keeps_what_was_to_be_withdrawn() {
        let lane = Lane::new(limits(2));
        let held = [lane.stream().await, lane.stream().await];
        lane.set_streams(1);
        lane.set_streams(3);
        drop(held);
        assert_eq!(lane.streams.available_permits(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_lane_lets_no_request_through_until_it_opens() {
        let lane = Lane::new(limits(1));
        lane.throttle(Duration::from_secs(7));
        lane.throttle(Duration::from_secs(2));
        let before = Instant::now();
        lane.enter().await;
        assert_eq!(before.elapsed(), Duration::from_secs(7));
        assert_eq!(lane.sample().throttled, None);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_spaced_by_the_rate() {
        let lane = Lane::new(Limits {
            requests_per_second: Some(10),
            ..limits(1)
        });
        let before = Instant::now();
        for _ in 0..11 {
            lane.enter().await;
        }
        assert_eq!(before.elapsed().as_millis(), 1000);
    }
}

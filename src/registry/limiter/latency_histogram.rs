//! The latencies of a registry's answers, and its recent request rate.
//!
//! Invariant: memory does not grow with the number of requests; old answers lose weight.

use std::time::Duration;

use tokio::time::Instant;

/// Bucket `n` counts answers within `1.5^n` milliseconds; the last one all slower answers.
const BUCKETS: usize = 32;
const GROWTH: f64 = 1.5;
/// All counts are halved at this many answers.
const HALVE_AT: u32 = 512;
/// Seconds over which the request rate is measured.
const SECONDS: usize = 5;

#[derive(Debug)]
pub(super) struct LatencyHistogram {
    buckets: [u32; BUCKETS],
    since: Instant,
    /// Requests in each of the last seconds, and the number of the newest second.
    counts: [u32; SECONDS],
    second: u64,
}

impl LatencyHistogram {
    pub(super) fn new() -> Self {
        Self {
            buckets: [0; BUCKETS],
            since: Instant::now(),
            counts: [0; SECONDS],
            second: 0,
        }
    }

    /// Counts a request that is sent now.
    pub(super) fn sent(&mut self) {
        self.advance();
        self.counts[0] = self.counts[0].saturating_add(1);
    }

    /// An answer came after `elapsed`.
    pub(super) fn answered(&mut self, elapsed: Duration) {
        let milliseconds = elapsed.as_secs_f64() * 1000.0;
        let bucket = (0..BUCKETS - 1)
            .find(|bucket| milliseconds <= limit(*bucket))
            .unwrap_or(BUCKETS - 1);
        self.buckets[bucket] += 1;
        if self.buckets.iter().sum::<u32>() >= HALVE_AT {
            self.buckets.iter_mut().for_each(|count| *count /= 2);
        }
    }

    /// Requests a second in the last seconds.
    pub(super) fn rate(&mut self) -> f64 {
        self.advance();
        let asked: u32 = self.counts.iter().sum();
        let seconds = self.since.elapsed().as_secs_f64();
        f64::from(asked) / seconds.clamp(1.0, SECONDS as f64)
    }

    /// The quantile `share`, rounded up to a bucket.
    pub(super) fn within(&self, share: f64) -> Option<Duration> {
        let all: u32 = self.buckets.iter().sum();
        let target = f64::from(all) * share;
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            *count > 0 && f64::from(seen) >= target
        })?;
        Some(Duration::from_secs_f64(limit(bucket) / 1000.0))
    }

    /// Makes `counts[0]` the current second.
    fn advance(&mut self) {
        let now = self.since.elapsed().as_secs();
        let passed = usize::try_from(now - self.second).unwrap_or(SECONDS);
        if passed >= SECONDS {
            self.counts = [0; SECONDS];
        } else if passed > 0 {
            self.counts.rotate_right(passed);
            self.counts[..passed].fill(0);
        }
        self.second = now;
    }
}

/// The longest answer of a bucket, in milliseconds.
fn limit(bucket: usize) -> f64 {
    // At most 31, which fits every integer type.
    GROWTH.powi(i32::try_from(bucket).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_middle_and_the_slow_end_of_the_answers_are_told_apart() {
        let mut latencies = LatencyHistogram::new();
        assert_eq!(latencies.within(0.5), None);
        for _ in 0..90 {
            latencies.answered(Duration::from_millis(20));
        }
        for _ in 0..10 {
            latencies.answered(Duration::from_secs(2));
        }
        let (middle, slow) = (
            latencies.within(0.5).unwrap(),
            latencies.within(0.95).unwrap(),
        );
        assert!((20..40).contains(&middle.as_millis()), "{middle:?}");
        assert!((2000..3500).contains(&slow.as_millis()), "{slow:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_of_the_last_seconds() {
        let mut latencies = LatencyHistogram::new();
        for _ in 0..50 {
            tokio::time::advance(Duration::from_millis(100)).await;
            latencies.sent();
        }
        assert!(
            (8.0..=11.0).contains(&latencies.rate()),
            "{}",
            latencies.rate()
        );
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(latencies.rate(), 0.0);
    }
}

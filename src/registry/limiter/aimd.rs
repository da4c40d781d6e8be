//! Additive increase, multiplicative decrease of one registry's streams and request rate.
//!
//! Decides the limits from answers; the limiter enforces them. Reads no clock. Invariants: the operator's limits are
//! never exceeded. Several refusals of one moment halve once.

use std::time::Duration;

use tokio::time::Instant;

/// The first pause after an answer without `Retry-After`. Each further one in a row is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_OWN_PAUSE: Duration = Duration::from_secs(60);
/// Strain halves at most this often.
const STRAIN_EVERY: Duration = Duration::from_secs(10);
/// Good answers per stream before one more stream is tried.
const GOOD_PER_STREAM: u32 = 4;
/// What a good answer adds to a lowered request rate, in requests a second.
const RATE_STEP: f64 = 0.1;

#[derive(Debug)]
pub(super) struct Aimd {
    /// The operator's limits.
    ceiling: u16,
    operator_rate: Option<f64>,
    /// The registry's limits, as far as they are known.
    streams: u16,
    rate: Option<f64>,
    /// The highest rate that was refused. At twice that rate the limit is dropped.
    refused_at: f64,
    good: u32,
    refusals: u32,
    paused_until: Option<Instant>,
    halved_at: Option<Instant>,
}

impl Aimd {
    pub(super) fn new(ceiling: u16, operator_rate: Option<f64>) -> Self {
        let ceiling = ceiling.max(1);
        Self {
            ceiling,
            operator_rate,
            streams: ceiling,
            rate: None,
            refused_at: 0.0,
            good: 0,
            refusals: 0,
            paused_until: None,
            halved_at: None,
        }
    }

    /// Sets the operator's limit and forgets what was learned about a lower one.
    pub(super) fn set_ceiling(&mut self, streams: u16) {
        self.ceiling = streams.max(1);
        self.streams = self.ceiling;
    }

    pub(super) fn set_operator_rate(&mut self, rate: Option<f64>) {
        self.operator_rate = rate;
        self.rate = None;
    }

    pub(super) fn ceiling(&self) -> u16 {
        self.ceiling
    }

    pub(super) fn streams(&self) -> u16 {
        self.streams
    }

    /// Requests a second.
    pub(super) fn rate(&self) -> Option<f64> {
        match (self.rate, self.operator_rate) {
            (Some(own), Some(operator)) => Some(own.min(operator)),
            (own, operator) => own.or(operator),
        }
    }

    /// The rest of the pause.
    pub(super) fn paused_for(&self, now: Instant) -> Option<Duration> {
        let left = self.paused_until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// The registry refused a request because of its rate, which was `rate` requests a second. `retry_after` is the
    /// pause that it named. Returns the pause.
    pub(super) fn refuse(
        &mut self,
        now: Instant,
        retry_after: Option<Duration>,
        rate: f64,
    ) -> Duration {
        let is_first_of_its_moment = self.paused_for(now).is_none();
        if is_first_of_its_moment {
            self.halve(now);
            let halved = (self.rate.unwrap_or(rate).min(rate) / 2.0).max(1.0);
            self.refused_at = self.refused_at.max(rate);
            self.rate = Some(halved);
            self.refusals += 1;
        }
        let own = FIRST_PAUSE * 2u32.pow((self.refusals.max(1) - 1).min(16));
        self.pause(now, retry_after.unwrap_or(own.min(MAX_OWN_PAUSE)))
    }

    /// Pauses because a quota is used up. Nothing is halved, because a lower rate would not help.
    pub(super) fn pause(&mut self, now: Instant, pause: Duration) -> Duration {
        self.paused_until = self.paused_until.max(Some(now + pause));
        self.paused_for(now).unwrap_or_default()
    }

    /// The registry answers with gateway errors or very late.
    pub(super) fn strain(&mut self, now: Instant) {
        let recent = |at: Instant| now.saturating_duration_since(at) < STRAIN_EVERY;
        if !self.halved_at.is_some_and(recent) {
            self.halve(now);
        }
    }

    /// The registry answered well.
    pub(super) fn good(&mut self, now: Instant) {
        if self.paused_for(now).is_some() {
            // The request was sent before the refusal.
            return;
        }
        self.good += 1;
        self.rate = self
            .rate
            .map(|rate| rate + RATE_STEP)
            .filter(|rate| *rate < self.refused_at * 2.0);
        if self.good >= u32::from(self.streams) * GOOD_PER_STREAM {
            self.good = 0;
            self.refusals = 0;
            self.streams = (self.streams + 1).min(self.ceiling);
        }
    }

    fn halve(&mut self, now: Instant) {
        self.streams = (self.streams / 2).max(1);
        self.good = 0;
        self.halved_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_one_moment_halve_once_and_good_answers_raise_one_by_one() {
        let now = Instant::now();
        let mut aimd = Aimd::new(8, None);
        for _ in 0..5 {
            aimd.refuse(now, None, 40.0);
        }
        assert_eq!((aimd.streams(), aimd.rate()), (4, Some(20.0)));
        assert_eq!(aimd.paused_for(now), Some(FIRST_PAUSE));
        let later = now + FIRST_PAUSE;
        for _ in 0..16 {
            aimd.good(later);
        }
        assert_eq!(aimd.streams(), 5);
        for _ in 0..1000 {
            aimd.good(later);
        }
        assert_eq!((aimd.streams(), aimd.rate()), (8, None));
    }

    #[test]
    fn pauses_double_until_it_answers_well_again() {
        let mut now = Instant::now();
        let mut aimd = Aimd::new(1, None);
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let pause = aimd.refuse(now, None, 1.0);
            assert_eq!(pause.as_secs(), seconds);
            now += pause;
        }
        for _ in 0..4 {
            aimd.good(now);
        }
        assert_eq!(aimd.refuse(now, None, 1.0), FIRST_PAUSE);
    }

    #[test]
    fn a_time_it_names_is_kept_and_a_used_up_quota_halves_nothing() {
        let now = Instant::now();
        let mut aimd = Aimd::new(8, Some(3.0));
        let pause = Duration::from_secs(216);
        assert_eq!(aimd.pause(now, pause), pause);
        assert_eq!((aimd.streams(), aimd.rate()), (8, Some(3.0)));
        // A shorter pause does not shorten the longer one.
        assert_eq!(aimd.refuse(now, Some(Duration::from_secs(7)), 1.0), pause);
    }

    #[test]
    fn strain_halves_now_and_then_and_never_below_one() {
        let mut now = Instant::now();
        let mut aimd = Aimd::new(4, None);
        aimd.strain(now);
        aimd.strain(now);
        assert_eq!(aimd.streams(), 2);
        for _ in 0..3 {
            now += STRAIN_EVERY;
            aimd.strain(now);
        }
        assert_eq!(aimd.streams(), 1);
        assert_eq!(aimd.paused_for(now), None);
    }

    #[test]
    fn the_operators_ceiling_is_never_exceeded() {
        let now = Instant::now();
        let mut aimd = Aimd::new(8, None);
        aimd.set_ceiling(2);
        for _ in 0..100 {
            aimd.good(now);
        }
        assert_eq!(aimd.streams(), 2);
        aimd.set_ceiling(0);
        assert_eq!(aimd.streams(), 1);
    }
}

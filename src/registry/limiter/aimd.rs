//! How hard a registry may be pressed: additive up on good answers, halved when it says stop or strains.
//!
//! Pure: time comes in, limits come out; the limiter applies them. Invariant: the operator's ceilings are
//! never exceeded, and answers to requests of the same moment halve once.

use std::time::Duration;

use tokio::time::Instant;

/// Without a time in the answer the first pause is this long; each further one in a row twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_OWN_PAUSE: Duration = Duration::from_secs(60);
/// Strain without a refusal halves at most this often.
const STRAIN_EVERY: Duration = Duration::from_secs(10);
/// Good answers per stream before one more stream is tried.
const GOOD_PER_STREAM: u32 = 4;
/// What a good answer adds to a lowered request rate, in requests a second.
const PACE_STEP: f64 = 0.1;

#[derive(Debug)]
pub(super) struct Aimd {
    /// What the operator allows.
    ceiling: u16,
    operator_pace: Option<f64>,
    /// What this registry bears, as far as is known.
    streams: u16,
    pace: Option<f64>,
    /// The rate at which it first refused: twice that is as good as no limit.
    refused_at: f64,
    good: u32,
    refusals: u32,
    closed_until: Option<Instant>,
    eased_at: Option<Instant>,
}

impl Aimd {
    pub(super) fn new(ceiling: u16, operator_pace: Option<f64>) -> Self {
        let ceiling = ceiling.max(1);
        Self {
            ceiling,
            operator_pace,
            streams: ceiling,
            pace: None,
            refused_at: 0.0,
            good: 0,
            refusals: 0,
            closed_until: None,
            eased_at: None,
        }
    }

    /// The operator allows something else. What was learned of a lower limit is forgotten: they know.
    pub(super) fn set_ceiling(&mut self, streams: u16) {
        self.ceiling = streams.max(1);
        self.streams = self.ceiling;
    }

    pub(super) fn set_operator_pace(&mut self, pace: Option<f64>) {
        self.operator_pace = pace;
        self.pace = None;
    }

    pub(super) fn ceiling(&self) -> u16 {
        self.ceiling
    }

    pub(super) fn streams(&self) -> u16 {
        self.streams
    }

    /// Requests a second.
    pub(super) fn pace(&self) -> Option<f64> {
        match (self.pace, self.operator_pace) {
            (Some(own), Some(operator)) => Some(own.min(operator)),
            (own, operator) => own.or(operator),
        }
    }

    /// How long the registry is to be left alone.
    pub(super) fn closed_for(&self, now: Instant) -> Option<Duration> {
        let left = self.closed_until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// The registry refused for being asked too much, at `rate` requests a second of late; returns how
    /// long it is left alone.
    pub(super) fn refuse(&mut self, now: Instant, asked: Option<Duration>, rate: f64) -> Duration {
        let first_of_its_moment = self.closed_for(now).is_none();
        if first_of_its_moment {
            self.halve(now);
            let pace = (self.pace.unwrap_or(rate).min(rate) / 2.0).max(1.0);
            self.refused_at = self.refused_at.max(rate);
            self.pace = Some(pace);
            self.refusals += 1;
        }
        let own = FIRST_PAUSE * 2u32.pow((self.refusals.max(1) - 1).min(16));
        self.close(now, asked.unwrap_or(own.min(LONGEST_OWN_PAUSE)))
    }

    /// A quota is used up: leave the registry alone. Asking more slowly would not help, so nothing is
    /// halved.
    pub(super) fn close(&mut self, now: Instant, pause: Duration) -> Duration {
        self.closed_until = self.closed_until.max(Some(now + pause));
        self.closed_for(now).unwrap_or_default()
    }

    /// It answers, but with gateway errors or very late.
    pub(super) fn strain(&mut self, now: Instant) {
        let recent = |at: Instant| now.saturating_duration_since(at) < STRAIN_EVERY;
        if !self.eased_at.is_some_and(recent) {
            self.halve(now);
        }
    }

    /// It answered as it should.
    pub(super) fn good(&mut self, now: Instant) {
        if self.closed_for(now).is_some() {
            // An answer to what was asked before it refused.
            return;
        }
        self.good += 1;
        self.pace = self
            .pace
            .map(|pace| pace + PACE_STEP)
            .filter(|pace| *pace < self.refused_at * 2.0);
        if self.good >= u32::from(self.streams) * GOOD_PER_STREAM {
            self.good = 0;
            self.refusals = 0;
            self.streams = (self.streams + 1).min(self.ceiling);
        }
    }

    fn halve(&mut self, now: Instant) {
        self.streams = (self.streams / 2).max(1);
        self.good = 0;
        self.eased_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_one_moment_halve_once_and_good_answers_raise_one_by_one() {
        let now = Instant::now();
        let mut pressure = Aimd::new(8, None);
        for _ in 0..5 {
            pressure.refuse(now, None, 40.0);
        }
        assert_eq!((pressure.streams(), pressure.pace()), (4, Some(20.0)));
        assert_eq!(pressure.closed_for(now), Some(FIRST_PAUSE));
        let later = now + FIRST_PAUSE;
        for _ in 0..16 {
            pressure.good(later);
        }
        assert_eq!(pressure.streams(), 5);
        for _ in 0..1000 {
            pressure.good(later);
        }
        assert_eq!((pressure.streams(), pressure.pace()), (8, None));
    }

    #[test]
    fn pauses_double_until_it_answers_well_again() {
        let mut now = Instant::now();
        let mut pressure = Aimd::new(1, None);
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let pause = pressure.refuse(now, None, 1.0);
            assert_eq!(pause.as_secs(), seconds);
            now += pause;
        }
        for _ in 0..4 {
            pressure.good(now);
        }
        assert_eq!(pressure.refuse(now, None, 1.0), FIRST_PAUSE);
    }

    #[test]
    fn a_time_it_names_is_kept_and_a_used_up_quota_halves_nothing() {
        let now = Instant::now();
        let mut pressure = Aimd::new(8, Some(3.0));
        let pause = Duration::from_secs(216);
        assert_eq!(pressure.close(now, pause), pause);
        assert_eq!((pressure.streams(), pressure.pace()), (8, Some(3.0)));
        // A shorter pause does not shorten the longer one.
        assert_eq!(
            pressure.refuse(now, Some(Duration::from_secs(7)), 1.0),
            pause
        );
    }

    #[test]
    fn strain_halves_now_and_then_and_never_below_one() {
        let mut now = Instant::now();
        let mut pressure = Aimd::new(4, None);
        pressure.strain(now);
        pressure.strain(now);
        assert_eq!(pressure.streams(), 2);
        for _ in 0..3 {
            now += STRAIN_EVERY;
            pressure.strain(now);
        }
        assert_eq!(pressure.streams(), 1);
        assert_eq!(pressure.closed_for(now), None);
    }

    #[test]
    fn the_operators_ceiling_is_never_exceeded() {
        let now = Instant::now();
        let mut pressure = Aimd::new(8, None);
        pressure.set_ceiling(2);
        for _ in 0..100 {
            pressure.good(now);
        }
        assert_eq!(pressure.streams(), 2);
        pressure.set_ceiling(0);
        assert_eq!(pressure.streams(), 1);
    }
}

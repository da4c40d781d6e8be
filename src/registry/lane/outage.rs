//! A registry that was reached before and cannot be reached now.
//!
//! Decides for how long it is left alone, and when it is given up. Invariant: one that was never reached is never
//! waited for, since then its address is wrong as likely as not.

use std::time::Duration;

use tokio::time::Instant;

/// The first pause; each further one in a row is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// After that long without a connection, what needs the registry fails as it would anywhere else.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(5 * 60);

#[derive(Debug, Default)]
pub(super) struct Outage {
    was_reached: bool,
    current: Option<Missed>,
}

/// Since when no connection could be made, and what came of the last try.
#[derive(Debug)]
struct Missed {
    since: Instant,
    pauses: u32,
    until: Instant,
    why: String,
}

impl Outage {
    /// The registry answered.
    pub(super) fn reached(&mut self) {
        self.was_reached = true;
        self.current = None;
    }

    /// No connection could be made; returns for how long the registry is left alone because of it.
    pub(super) fn missed(&mut self, now: Instant, why: &str) -> Option<Duration> {
        if !self.was_reached {
            return None;
        }
        let missed = self.current.get_or_insert_with(|| Missed {
            since: now,
            pauses: 0,
            until: now,
            why: String::new(),
        });
        why.clone_into(&mut missed.why);
        // Tries of the same moment are one.
        if missed.until <= now && now - missed.since < GIVEN_UP_AFTER {
            let pause = FIRST_PAUSE * 2u32.pow(missed.pauses.min(16));
            missed.until = now + pause.min(LONGEST_PAUSE);
            missed.pauses += 1;
        }
        self.closed_for(now).map(|(left, _)| left)
    }

    /// How long the registry is still left alone, and why.
    pub(super) fn closed_for(&self, now: Instant) -> Option<(Duration, &str)> {
        let missed = self.current.as_ref()?;
        let left = missed.until.saturating_duration_since(now);
        (!left.is_zero()).then_some((left, &missed.why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_for_five_minutes_and_then_it_is_given_up() {
        let begun = Instant::now();
        let mut outage = Outage::default();
        outage.reached();
        let mut now = begun;
        let mut pauses = Vec::new();
        while let Some(pause) = outage.missed(now, "connection refused") {
            assert_eq!(outage.closed_for(now), Some((pause, "connection refused")));
            // Another try of the same moment.
            assert_eq!(outage.missed(now, "connection refused"), Some(pause));
            pauses.push(pause.as_secs());
            now += pause;
        }
        assert_eq!(pauses[..7], [1, 2, 4, 8, 16, 30, 30]);
        let held = now - begun;
        assert!(held >= GIVEN_UP_AFTER && held < GIVEN_UP_AFTER + LONGEST_PAUSE);
        assert_eq!(outage.closed_for(now), None);
        // It was only gone for long.
        outage.reached();
        assert_eq!(outage.missed(now, "timed out"), Some(FIRST_PAUSE));
    }

    #[test]
    fn a_registry_that_was_never_reached_is_not_waited_for() {
        let mut outage = Outage::default();
        assert_eq!(outage.missed(Instant::now(), "connection refused"), None);
    }
}

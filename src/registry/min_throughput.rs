//! Whether bytes that are waited for come fast enough to be called flowing (quirk 41).
//!
//! Decides by bytes and by the time spent waiting for them, not by the clock on the wall. Invariant: time in
//! which nobody waits for this side - for its turn, a limit of ours, the other side - is never held
//! against it.

use std::time::Duration;

use super::{ErrorCause, Timeouts};

/// What one side brought, or took, while it was waited for.
#[derive(Debug, Default)]
pub struct MinThroughput {
    waited: Duration,
    moved: u64,
}

impl MinThroughput {
    /// Takes in that `bytes` came after `waiting`.
    ///
    /// # Errors
    /// As much waiting as silence may last brought too little.
    pub fn moved(
        &mut self,
        bytes: u64,
        waiting: Duration,
        timeouts: &Timeouts,
    ) -> Result<(), ErrorCause> {
        self.moved += bytes;
        self.waited += waiting;
        if self.waited < timeouts.byte {
            return Ok(());
        }
        let Self { waited, moved } = std::mem::take(self);
        // What is too slow is far below what an f64 counts exactly.
        match (moved as f64) < timeouts.slowest as f64 * waited.as_secs_f64() {
            true => Err(ErrorCause::TooSlow {
                slowest: timeouts.slowest,
                waited,
            }),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a side is told that brings `bytes` a second, `seconds` long.
    fn told(bytes: u64, seconds: u64) -> Result<(), ErrorCause> {
        let (mut flow, timeouts) = (MinThroughput::default(), Timeouts::default());
        (0..seconds).try_for_each(|_| flow.moved(bytes, Duration::from_secs(1), &timeouts))
    }

    #[test]
    fn quirk_41_what_drips_below_the_least_rate_does_not_flow() {
        assert!(told(999, 59).is_ok());
        let cause = told(999, 60).unwrap_err();
        assert_eq!(
            cause.to_string(),
            "moved less than 1000 bytes a second in 60 s of waiting"
        );
    }

    #[test]
    fn what_flows_at_the_least_rate_does_so_for_hours() {
        assert!(told(1000, 4 * 60 * 60).is_ok());
    }

    #[test]
    fn time_in_which_nobody_waited_does_not_count() {
        let (mut flow, timeouts) = (MinThroughput::default(), Timeouts::default());
        for _ in 0..10_000 {
            // A few bytes now and then, each there as soon as it is asked for.
            flow.moved(1, Duration::from_micros(10), &timeouts).unwrap();
        }
    }

    #[test]
    fn a_fast_beginning_does_not_excuse_what_follows() {
        let (mut flow, timeouts) = (MinThroughput::default(), Timeouts::default());
        let minute = Duration::from_secs(60);
        assert!(flow.moved(1 << 30, minute, &timeouts).is_ok());
        assert!(flow.moved(1 << 10, minute, &timeouts).is_err());
    }
}

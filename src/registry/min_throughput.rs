//! Whether one side of a transfer is fast enough (quirk 41, see registry/quirks.md).
//!
//! Decides from the bytes and the time spent waiting for them, not from elapsed time. Invariant: time spent waiting for
//! a permit, a rate limit or the other side does not count.

use std::time::Duration;

use super::{ErrorCause, Timeouts};

/// The bytes that one side sent or took, and the time spent waiting for it.
#[derive(Debug, Default)]
pub struct MinThroughput {
    waited: Duration,
    moved: u64,
}

impl MinThroughput {
    /// Adds `bytes` that came after `waiting`.
    ///
    /// # Errors
    /// The throughput over `timeouts.byte` of waiting was below the minimum.
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
        match (moved as f64) < timeouts.min_throughput as f64 * waited.as_secs_f64() {
            true => Err(ErrorCause::TooSlow {
                min_throughput: timeouts.min_throughput,
                waited,
            }),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result for a side that sends `bytes` a second for `seconds`.
    fn result(bytes: u64, seconds: u64) -> Result<(), ErrorCause> {
        let (mut throughput, timeouts) = (MinThroughput::default(), Timeouts::default());
        (0..seconds).try_for_each(|_| throughput.moved(bytes, Duration::from_secs(1), &timeouts))
    }

    #[test]
    fn quirk_41_what_drips_below_the_least_rate_does_not_flow() {
        assert!(result(999, 59).is_ok());
        let cause = result(999, 60).unwrap_err();
        assert_eq!(
            cause.to_string(),
            "moved less than 1000 bytes a second in 60 s of waiting"
        );
    }

    #[test]
    fn what_flows_at_the_least_rate_does_so_for_hours() {
        assert!(result(1000, 4 * 60 * 60).is_ok());
    }

    #[test]
    fn time_in_which_nobody_waited_does_not_count() {
        let (mut throughput, timeouts) = (MinThroughput::default(), Timeouts::default());
        for _ in 0..10_000 {
            // A few bytes now and then, each there as soon as it is asked for.
            throughput
                .moved(1, Duration::from_micros(10), &timeouts)
                .unwrap();
        }
    }

    #[test]
    fn a_fast_beginning_does_not_excuse_what_follows() {
        let (mut throughput, timeouts) = (MinThroughput::default(), Timeouts::default());
        let minute = Duration::from_secs(60);
        assert!(throughput.moved(1 << 30, minute, &timeouts).is_ok());
        assert!(throughput.moved(1 << 10, minute, &timeouts).is_err());
    }
}

//! The time of events: the wall clock, except that it never goes back.
//!
//! Decides nothing about what the times are used for. Invariant: durations between two times of one clock are
//! those of a monotonic clock, unless the wall clock was set forward or the machine was suspended in between.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

#[derive(Debug)]
pub struct EventClock {
    start: Instant,
    /// The wall clock at `start`, or later by as much as it was set forward since.
    origin: Timestamp,
}

impl EventClock {
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
            origin: Timestamp::now(),
        }
    }

    pub fn now(&mut self) -> Timestamp {
        self.read(Timestamp::now(), self.start.elapsed())
    }

    fn read(&mut self, wall: Timestamp, elapsed: Duration) -> Timestamp {
        let monotonic = self.origin.saturating_add(elapsed).unwrap_or(wall);
        if let Ok(ahead) = Duration::try_from(wall.duration_since(monotonic)) {
            self.origin = self.origin.saturating_add(ahead).unwrap_or(self.origin);
        }
        wall.max(monotonic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_stops_no_time_and_one_set_forward_is_followed() {
        let second = |second| Timestamp::from_second(second).unwrap();
        let mut clock = EventClock {
            start: Instant::now(),
            origin: second(1000),
        };
        let mut read = |wall, elapsed| {
            let at = clock.read(second(wall), Duration::from_secs(elapsed));
            at.as_second()
        };
        assert_eq!(read(1001, 1), 1001);
        assert_eq!(read(900, 2), 1002, "set back by 102 s");
        assert_eq!(read(901, 3), 1003);
        assert_eq!(read(5000, 4), 5000, "set forward");
        assert_eq!(read(5001, 5), 5001);
    }
}

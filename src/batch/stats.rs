//! What is derived from a batch's events and their times: how long it takes, how fast it is, when it will end.
//!
//! Decides when the clock of a batch starts and stops. Front ends share it, so that all of them say the same.
//! Invariant: a function of the events and the times it was advanced to; it never reads a clock.

use std::time::Duration;

use jiff::Timestamp;

use super::{Board, Event, SpeedMeter, TimedEvent};

#[derive(Clone, Debug, Default)]
pub struct Stats {
    pub speed: SpeedMeter,
    /// When the batch started; every duration here counts from then.
    started: Option<Timestamp>,
    /// When copying began: a review that has ended does not count.
    began: Duration,
    /// When every image had ended; absent again after a retry.
    ended: Option<Duration>,
    /// Images that the batch is still to list.
    unlisted: usize,
}

impl Stats {
    /// Applies an event that `board` has applied.
    pub fn apply(&mut self, TimedEvent { at, event }: &TimedEvent, board: &Board) {
        match event {
            Event::BatchStarted { jobs, .. } => {
                *self = Self {
                    started: Some(*at),
                    unlisted: *jobs as usize,
                    ..Self::default()
                };
            }
            Event::JobListed { .. } => self.unlisted = self.unlisted.saturating_sub(1),
            Event::ReviewEnded => self.began = self.since_start(*at),
            _ => {}
        }
        let at = self.since_start(*at);
        self.speed.apply(at, event, board);
        let is_listed = board.batch.is_some() && self.unlisted == 0;
        let has_ended = board.finished || (is_listed && board.all_done());
        self.ended = self.ended.or(Some(at)).filter(|_| has_ended);
    }

    /// Takes in that it is `now`, the time since the batch started, and no event came until then.
    pub fn advance(&mut self, now: Duration) {
        self.speed.advance(now);
    }

    /// The time from the start of the batch to `at`; nothing before it started.
    #[must_use]
    pub fn since_start(&self, at: Timestamp) -> Duration {
        let since = self.started.map(|started| at.duration_since(started));
        let since = since.and_then(|since| Duration::try_from(since).ok());
        since.unwrap_or_default()
    }

    #[must_use]
    pub fn has_started(&self) -> bool {
        self.started.is_some()
    }

    /// Whether every image has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// How long the batch takes, at `now` since it started.
    #[must_use]
    pub fn elapsed(&self, now: Duration) -> Duration {
        self.ended.unwrap_or(now).saturating_sub(self.began)
    }
}

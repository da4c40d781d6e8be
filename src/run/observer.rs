//! Who sees the events of a running batch.
//!
//! `cli/migration.rs` lists the observers of a run; a further one is added there. Decides how an observer takes part: on the dispatcher's own task, where it must not wait, or behind a channel.
//! Invariant: an observer sees every event once, in the order in which they were emitted.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;

use crate::batch::{Board, TimedEvent};

/// Sees every event after it was recorded and applied. Nothing here may wait: an observer that writes to a
/// terminal, a file or a socket passes events to a task or thread of its own.
pub trait Observer: Send {
    /// `board` is the state with `event` applied.
    fn apply(&mut self, event: &Arc<TimedEvent>, board: &Board);
    /// Called about once a second, also when nothing happens.
    fn tick(&mut self, _now: Timestamp, _board: &Board) {}
}

/// Passes events to a task that folds its own board. Unbounded: events must not be lost, and the dispatcher must
/// not wait.
impl Observer for UnboundedSender<Arc<TimedEvent>> {
    fn apply(&mut self, event: &Arc<TimedEvent>, _: &Board) {
        // An observer that is gone misses nothing.
        let _ = self.send(Arc::clone(event));
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::batch::Event;

    #[test]
    fn an_observer_behind_a_channel_delays_nothing_and_misses_nothing() {
        let (mut sender, mut receiver) = mpsc::unbounded_channel();
        let events = (0..10_000).map(|images| {
            let event = Event::ParallelChanged { images };
            let at = Timestamp::UNIX_EPOCH;
            Arc::new(TimedEvent { at, event })
        });
        let events: Vec<_> = events.collect();
        let board = Board::default();
        events.iter().for_each(|event| sender.apply(event, &board));
        let mut received = Vec::new();
        while let Ok(event) = receiver.try_recv() {
            received.push(event);
        }
        assert_eq!(received, events);
        drop(receiver);
        sender.apply(&events[0], &board);
    }
}

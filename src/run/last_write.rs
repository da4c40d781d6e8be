//! The end of a batch at the journal: how long its last results are waited for.
//!
//! Decides when they are given up: an operator who asks again to stop does not wait for a journal that is locked, and
//! a signal that ends the process waits [`SIGNAL_LIMIT`]. Invariant: nothing else gives up results.

use std::time::Duration;

use super::inputs::Inputs;
use crate::{
    batch::{Command, StopMode, StopReason},
    journal::{JournalError, Obstacle, Recorder, Waits},
};

/// Shorter than the time most systems give a process to end.
const SIGNAL_LIMIT: Duration = Duration::from_secs(10);

/// Waits for `written`, a flush of the journal; false when it was given up. `on_wait` is called when the journal
/// begins to be waited for, and when it no longer is.
pub(super) async fn flush(
    written: impl Future<Output = Result<(), JournalError>>,
    waits: &mut Waits,
    inputs: &mut Inputs,
    ending: Option<StopReason>,
    mut on_wait: impl FnMut(Option<Obstacle>),
) -> bool {
    tokio::pin!(written);
    let limit = match ending {
        Some(StopReason::Signal) => SIGNAL_LIMIT,
        _ => Duration::MAX,
    };
    let late = tokio::time::sleep(limit);
    tokio::pin!(late);
    let mut waiting = waits.is_waiting();
    loop {
        tokio::select! {
            // The end of a wait is noted before what was waited for is written.
            biased;
            wait = waits.next() => {
                waiting = wait.is_some();
                on_wait(wait);
            }
            _ = &mut written => return true,
            Some(_) = inputs.signals.recv() => {
                if waiting {
                    return false;
                }
            }
            Some(command) = inputs.commands.recv() => {
                let stop = Command::Stop { mode: StopMode::Now };
                if waiting && command == stop {
                    return false;
                }
            }
            () = &mut late => return false,
        }
    }
}

/// Writes the last event and gives the batch free.
///
/// # Errors
/// Why the journal was lost, or that a signal gave it up.
pub(super) async fn close(
    journal: Recorder,
    waits: &mut Waits,
    inputs: &mut Inputs,
) -> Result<(), JournalError> {
    let closing = journal.close();
    tokio::pin!(closing);
    let mut waiting = false;
    loop {
        tokio::select! {
            closed = &mut closing => return closed,
            wait = waits.next() => waiting = wait.is_some(),
            Some(_) = inputs.signals.recv() => {
                if waiting {
                    return Err(JournalError::Abandoned);
                }
            }
        }
    }
}

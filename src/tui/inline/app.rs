//! The loop of the lines in place: events and time in, frames out.
//!
//! It draws after changes, at most 20 times a second, and once a second while nothing changes. Invariant: it ends with the
//! batch.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, sleep_until},
};

use super::{model::InlineModel, terminal::InlineTerminal};
use crate::{
    batch::{EventClock, TimedEvent},
    tui::Options,
};

/// 20 frames a second.
const FRAME_INTERVAL: Duration = Duration::from_millis(50);
const TICK_INTERVAL: Duration = Duration::from_secs(1);
/// Events handled before the next frame.
const MAX_BURST: usize = 4096;

/// Shows the batch until it has ended. Only lines of the scrollback are left then.
///
/// # Errors
/// When the terminal cannot be set up or drawn on; it is restored first.
pub async fn run_inline(
    mut events: UnboundedReceiver<Arc<TimedEvent>>,
    options: Options,
) -> io::Result<()> {
    let mut terminal = InlineTerminal::enter()?;
    let mut suspends = Suspends::listen()?;
    let mut model = InlineModel::new(options);
    let mut clock = EventClock::start();
    let mut burst = Vec::with_capacity(MAX_BURST);
    let mut lines = Vec::new();
    let mut changed = true;
    let mut drawn = Instant::now() - FRAME_INTERVAL;
    while !model.board.finished {
        tokio::select! {
            received = events.recv_many(&mut burst, MAX_BURST) => {
                lines.extend(burst.drain(..).filter_map(|event| model.apply(&event)));
                changed = true;
                if received == 0 {
                    break;
                }
            }
            () = suspends.next() => {
                terminal.suspend()?;
                changed = true;
            }
            () = sleep_until(drawn + TICK_INTERVAL) => changed = true,
            () = sleep_until(drawn + FRAME_INTERVAL), if changed => {
                model.tick(clock.now());
                terminal.draw(&model, &lines)?;
                lines.clear();
                changed = false;
                drawn = Instant::now();
            }
        }
    }
    terminal.draw(&model, &lines)
}

/// Ctrl-z, as a signal.
struct Suspends {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Suspends {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let signal = signal(SignalKind::from_raw(signal_hook::consts::SIGTSTP))?;
        Ok(Self { signal })
    }

    async fn next(&mut self) {
        if self.signal.recv().await.is_none() {
            std::future::pending().await
        }
    }
}

#[cfg(not(unix))]
impl Suspends {
    fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        std::future::pending().await
    }
}

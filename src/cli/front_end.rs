//! Who watches a batch: the screen when stdout is a terminal, else one line per change.
//!
//! Invariant: a front end that breaks (closed pipe, lost terminal) stops watching, and one that is slow is
//! behind; neither stops the copying.

use std::{
    io::{IsTerminal, Write, stdout},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::sync::{mpsc::UnboundedReceiver, oneshot};

use super::{OutputArguments, output::tell, screen};
use crate::{
    batch::{Board, Event, TimedEvent},
    headless::{Format, Headless, LineWriter},
    present::Commands,
    run::{Observer, Signal},
    tui,
};

/// How long a reader may take for what is left when the operator wants to leave.
const LAST_LINES: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrontEnd {
    Screen,
    Lines,
    Json,
}

pub(super) fn choose(output: &OutputArguments) -> FrontEnd {
    match (output.json, output.headless) {
        (true, _) => FrontEnd::Json,
        (false, true) => FrontEnd::Lines,
        (false, false) if stdout().is_terminal() => FrontEnd::Screen,
        (false, false) => FrontEnd::Lines,
    }
}

/// A front end of which everything that can be wrong was checked; nothing was written for it.
pub(super) struct Prepared {
    pub front_end: FrontEnd,
    /// Of the screen alone.
    pub screen: Option<tui::Options>,
    pub output: OutputArguments,
    /// How the summary says to go on.
    pub commands: Commands,
}

/// Checks what the front end needs: its configuration and the terminal.
pub(super) fn prepare(output: OutputArguments, commands: Commands) -> anyhow::Result<Prepared> {
    let front_end = choose(&output);
    let screen = match front_end {
        FrontEnd::Screen => {
            let options = screen::options()?;
            tui::check_terminal().context("the terminal cannot be used; --headless needs none")?;
            Some(options)
        }
        FrontEnd::Lines | FrontEnd::Json => None,
    };
    Ok(Prepared {
        front_end,
        screen,
        output,
        commands,
    })
}

/// Writes a line per change; a reader who is behind gets no samples.
pub(super) struct Lines(Headless<LineWriter>);

impl Lines {
    /// Also says when the last line is written.
    pub(super) fn new(
        output: impl Write + Send + 'static,
        format: Format,
        attempts: Option<u16>,
        commands: Commands,
    ) -> (Self, oneshot::Receiver<()>) {
        let (outlet, written) = LineWriter::new(output, |error| {
            tell(format_args!(
                "transship: nobody reads the output any more ({error}); the batch goes on"
            ));
        });
        let headless = Headless::new(outlet, format, attempts).with_commands(commands);
        (Self(headless), written)
    }

    fn is_behind(&self) -> bool {
        self.0.output().is_behind()
    }
}

// Output that cannot be written was reported when it failed first.
impl Observer for Lines {
    fn apply(&mut self, event: &Arc<TimedEvent>, board: &Board) {
        self.0.apply(event, board);
        if event.event.is_sample() && self.is_behind() {
            return;
        }
        let _ = self.0.write_event(event, board);
        if matches!(event.event, Event::BatchFinished { .. }) {
            let _ = self.0.finish(board, event.at);
        }
    }

    fn tick(&mut self, now: Timestamp, board: &Board) {
        if !self.is_behind() {
            let _ = self.0.heartbeat(board, now);
        }
    }
}

/// Waits until a reader who is behind has the last line: as long as that takes, or once the operator wants to
/// leave, as long as it takes a reader who reads.
pub(super) async fn give_rest(
    mut written: oneshot::Receiver<()>,
    mut leave: UnboundedReceiver<Signal>,
) {
    tokio::select! {
        _ = &mut written => {}
        _ = leave.recv() => {
            let _ = tokio::time::timeout(LAST_LINES, written).await;
        }
    }
}

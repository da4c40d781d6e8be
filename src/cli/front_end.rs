//! Who watches a batch: the screen when stdout is a terminal, else one line per change.
//!
//! Invariant: a front end that breaks (closed pipe, lost terminal) stops watching, never the copying.

use std::{
    io::{self, IsTerminal, Write, stdout},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;

use super::OutputArguments;
use crate::{
    batch::{Board, Event},
    headless::{Format, Headless},
    run::Observer,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrontEnd {
    Screen,
    Pictures,
    Lines,
    Json,
}

pub(super) fn choose(output: &OutputArguments) -> FrontEnd {
    if output.pictures.is_some() {
        return FrontEnd::Pictures;
    }
    match (output.json, output.headless) {
        (true, _) => FrontEnd::Json,
        (false, true) => FrontEnd::Lines,
        (false, false) if stdout().is_terminal() => FrontEnd::Screen,
        (false, false) => FrontEnd::Lines,
    }
}

/// Hands events to the screen, which folds a board of its own.
pub(super) struct ToScreen(pub UnboundedSender<Arc<Event>>);

impl Observer for ToScreen {
    fn observe(&mut self, event: &Arc<Event>, _: &Board) {
        // A screen that is gone no longer wants to know.
        let _ = self.0.send(Arc::clone(event));
    }
}

/// Writes a line per change.
pub(super) struct Lines<W>(Headless<W>);

impl<W: Write> Lines<W> {
    pub(super) fn new(output: W, format: Format, attempts: Option<u16>) -> Self {
        Self(Headless::new(output, format, attempts))
    }

    fn written(result: io::Result<()>) {
        if let Err(error) = result {
            eprintln!("transship: nobody reads the output any more ({error}); the batch goes on");
        }
    }
}

impl<W: Write + Send> Observer for Lines<W> {
    fn observe(&mut self, event: &Arc<Event>, board: &Board) {
        Self::written(self.0.observe(event, board, Timestamp::now()));
        if matches!(**event, Event::BatchFinished { .. }) {
            Self::written(self.0.finish(board, Timestamp::now()));
        }
    }

    fn tick(&mut self, board: &Board) {
        Self::written(self.0.heartbeat(board, Timestamp::now()));
    }
}

//! Where a running batch takes commands and signals from.

use tokio::sync::mpsc::UnboundedReceiver;

use crate::batch::Command;

/// A request of the operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C: once drains, twice stops.
    Interrupt,
    /// The process should end now; the batch can be resumed.
    Terminate,
}

/// Unbounded: a person or a signal sends them.
pub struct Inputs {
    pub commands: UnboundedReceiver<Command>,
    pub signals: UnboundedReceiver<Signal>,
}

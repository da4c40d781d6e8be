//! Signals of the operating system, as the dispatcher takes them.

use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::run::Signal;

/// Listens for signals. The channel is unbounded: a person or a supervisor sends few.
#[cfg(unix)]
pub(super) fn listen() -> std::io::Result<UnboundedReceiver<Signal>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // A lost ssh connection: stop, so that the batch can be resumed.
    let mut hang_up = signal(SignalKind::hangup())?;
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let signal = tokio::select! {
                _ = interrupt.recv() => Signal::Interrupt,
                _ = terminate.recv() => Signal::Terminate,
                _ = hang_up.recv() => Signal::Terminate,
                () = sender.closed() => return,
            };
            if sender.send(signal).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

#[cfg(not(unix))]
pub(super) fn listen() -> std::io::Result<UnboundedReceiver<Signal>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() && sender.send(Signal::Interrupt).is_ok() {}
    });
    Ok(receiver)
}

//! Writes a running batch's events: recording never waits, and what is recorded is soon durable.
//!
//! Decides when to commit. Events are folded into pending changes under a lock held for that alone; one task
//! commits whatever is pending, at once after a quiet time and then at most every 20 ms, so that the number of
//! commits does not grow with the number of events. Invariant: after a failed commit nothing more is
//! written, and everyone who asks learns why.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sqlx::{AnyConnection, Connection as _};
use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;

use super::{
    JournalError,
    hold::{self, Hold},
    ledger::Ledger,
    rows,
};
use crate::batch::{BatchId, Event};

const BETWEEN_COMMITS: Duration = Duration::from_millis(20);

/// The one writer of a batch, and its hold on it.
///
/// Dropping it gives the batch free and loses what was not flushed; [`Recorder::close`] loses nothing.
#[derive(Debug)]
pub struct Recorder {
    batch: BatchId,
    shared: Arc<Shared>,
    written: watch::Receiver<Written>,
    writer: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Shared {
    pending: Mutex<Pending>,
    /// There may be something to write.
    recorded: Notify,
    /// Someone waits for the next commit.
    urgent: Notify,
}

#[derive(Debug)]
struct Pending {
    ledger: Ledger,
    /// How many events have been recorded.
    recorded: u64,
    /// A flush waits: also an unfinished listing is written.
    flushing: bool,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Open,
    /// The writer is to write the rest and leave.
    Closing,
    /// Nothing will be written any more.
    Lost,
}

/// How far the writer is.
#[derive(Clone, Debug, Default)]
struct Written {
    /// How many of the recorded events are durable.
    upto: u64,
    lost: Option<JournalError>,
}

struct Writer {
    connection: AnyConnection,
    batch: BatchId,
    shared: Arc<Shared>,
    written: watch::Sender<Written>,
    hold: Hold,
}

impl Recorder {
    pub(super) fn start(
        connection: AnyConnection,
        hold: Hold,
        batch: BatchId,
        ledger: Ledger,
    ) -> Self {
        let shared = Arc::new(Shared {
            pending: Mutex::new(Pending {
                ledger,
                recorded: 0,
                flushing: false,
                standing: Standing::Open,
            }),
            recorded: Notify::new(),
            urgent: Notify::new(),
        });
        let (sender, written) = watch::channel(Written::default());
        let writer = Writer {
            connection,
            batch: batch.clone(),
            shared: Arc::clone(&shared),
            written: sender,
            hold,
        };
        Self {
            batch,
            shared,
            written,
            writer: AbortOnDropHandle::new(tokio::spawn(writer.run())),
        }
    }

    #[must_use]
    pub fn batch(&self) -> &BatchId {
        &self.batch
    }

    /// Records an event to be written soon. Never waits; an event that changes no row costs next to nothing.
    pub fn record(&self, event: &Event) {
        let mut pending = self.shared.pending();
        if pending.standing == Standing::Open {
            pending.ledger.fold(event);
            pending.recorded += 1;
            if pending.ledger.is_due() {
                self.shared.recorded.notify_one();
            }
        }
    }

    /// Waits until everything recorded so far is durable.
    ///
    /// # Errors
    /// Why the journal is lost, if it is.
    pub async fn flush(&self) -> Result<(), JournalError> {
        let recorded = {
            let mut pending = self.shared.pending();
            pending.flushing = true;
            pending.recorded
        };
        self.shared.hurry();
        let mut written = self.written.clone();
        let written = written
            .wait_for(|written| written.upto >= recorded || written.lost.is_some())
            .await
            .map_err(|_| JournalError::Stopped)?;
        written.lost.clone().map_or(Ok(()), Err)
    }

    /// Waits until the journal can no longer be written, and says why. A journal that works is never lost, so
    /// this belongs in a `select!`.
    pub fn lost(&self) -> impl Future<Output = JournalError> + Send + use<> {
        let mut written = self.written.clone();
        async move {
            let lost = written.wait_for(|written| written.lost.is_some()).await;
            lost.ok()
                .and_then(|written| written.lost.clone())
                .unwrap_or(JournalError::Stopped)
        }
    }

    /// Writes what is recorded and gives the batch free.
    ///
    /// # Errors
    /// Why the journal is lost, if it is; the batch is free all the same.
    pub async fn close(self) -> Result<(), JournalError> {
        let flushed = self.flush().await;
        {
            let mut pending = self.shared.pending();
            if pending.standing == Standing::Open {
                pending.standing = Standing::Closing;
            }
        }
        self.shared.hurry();
        let ended = self.writer.await;
        flushed.and(ended.map_err(|_| JournalError::Stopped))
    }
}

impl Shared {
    /// Nothing that holds this lock can panic half-way through a change, so a poisoned one is whole.
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hurry(&self) {
        self.recorded.notify_one();
        self.urgent.notify_one();
    }
}

impl Writer {
    async fn run(mut self) {
        loop {
            self.shared.recorded.notified().await;
            let (changes, recorded, standing) = {
                let mut pending = self.shared.pending();
                // A flush that comes later notifies again.
                let flushing = std::mem::take(&mut pending.flushing);
                if !flushing && !pending.ledger.is_due() && pending.standing == Standing::Open {
                    continue;
                }
                (pending.ledger.take(), pending.recorded, pending.standing)
            };
            if !changes.is_empty()
                && let Err(cause) = rows::write(&mut self.connection, &self.batch, &changes).await
            {
                return self.lose(JournalError::write(cause));
            }
            self.written.send_modify(|written| written.upto = recorded);
            if standing == Standing::Closing {
                return self.leave().await;
            }
            tokio::select! {
                () = tokio::time::sleep(BETWEEN_COMMITS) => {}
                () = self.shared.urgent.notified() => {}
            }
        }
    }

    fn lose(self, cause: JournalError) {
        self.shared.pending().standing = Standing::Lost;
        self.written
            .send_modify(|written| written.lost = Some(cause));
    }

    /// The hold is dropped last: the next holder finds the name gone and everything written.
    async fn leave(mut self) {
        // Neither matters to the next holder, whom only the lock can keep away.
        let _ = hold::leave(&mut self.connection, &self.batch).await;
        let _ = self.connection.close().await;
        drop(self.hold);
    }
}

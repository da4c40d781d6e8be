//! Writes a running batch's events. Recording never waits; what is recorded is durable soon after.
//!
//! Decides when to commit. Events fold into pending changes under a lock held for that alone. One task commits them, at
//! once after a quiet time and then at most every 20 ms, so that the number of commits does not grow with the number
//! of events. A commit that fails for a transient reason is repeated, while later events fold into the next one.
//! Invariant: after any other failed commit nothing more is written, and `flush`, `lost` and `close` return why.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use sqlx::{AnyConnection, Connection as _};
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    JournalError, JournalLocation, Obstacle,
    batch_lock::{self, BatchLock},
    changes::Changes,
    pending_changes::PendingChanges,
    retry::{self, Retries},
    rows,
};
use crate::batch::{BatchId, Event};

const BETWEEN_COMMITS: Duration = Duration::from_millis(20);
/// How long a database may take to answer a new connection.
const CONNECT: Duration = Duration::from_secs(10);

/// The only writer of a batch; has its lock.
///
/// Dropping it releases the lock and loses what was not flushed; [`Recorder::close`] loses nothing.
#[derive(Debug)]
pub struct Recorder {
    batch: BatchId,
    shared: Arc<Shared>,
    written: watch::Receiver<CommitResult>,
    waiting: watch::Receiver<Option<Obstacle>>,
    writer: AbortOnDropHandle<()>,
}

/// Reports when the writer begins to wait for the journal, and when it continues.
#[derive(Debug)]
pub struct Waits(watch::Receiver<Option<Obstacle>>);

impl Waits {
    /// Whether the writer waits now.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// What the writer waits for from now on; `None` when it continues.
    pub async fn next(&mut self) -> Option<Obstacle> {
        match self.0.changed().await {
            Ok(()) => *self.0.borrow_and_update(),
            // The writer has ended and no longer waits.
            Err(_) => std::future::pending().await,
        }
    }
}

#[derive(Debug)]
struct Shared {
    pending: Mutex<Pending>,
    /// There may be something to write.
    recorded: Notify,
    /// A flush waits for the next commit.
    urgent: Notify,
}

#[derive(Debug)]
struct Pending {
    changes: PendingChanges,
    /// How many events have been recorded.
    recorded: u64,
    /// A flush waits: also an unfinished listing is written.
    flushing: bool,
    state: RecorderState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RecorderState {
    Open,
    /// The writer ends after the next commit.
    Closing,
    /// Nothing is written any more.
    Lost,
}

/// How far the writer is.
#[derive(Clone, Debug, Default)]
struct CommitResult {
    /// How many of the recorded events are durable.
    upto: u64,
    lost: Option<JournalError>,
}

struct Writer {
    location: JournalLocation,
    /// Absent after the connection was lost.
    connection: Option<AnyConnection>,
    batch: BatchId,
    shared: Arc<Shared>,
    written: watch::Sender<CommitResult>,
    waiting: watch::Sender<Option<Obstacle>>,
    lock: BatchLock,
}

impl Recorder {
    pub(super) fn start(
        location: JournalLocation,
        connection: AnyConnection,
        lock: BatchLock,
        batch: BatchId,
        pending: PendingChanges,
    ) -> Self {
        let shared = Arc::new(Shared {
            pending: Mutex::new(Pending {
                changes: pending,
                recorded: 0,
                flushing: false,
                state: RecorderState::Open,
            }),
            recorded: Notify::new(),
            urgent: Notify::new(),
        });
        let (sender, written) = watch::channel(CommitResult::default());
        let (waits, waiting) = watch::channel(None);
        let writer = Writer {
            location,
            connection: Some(connection),
            batch: batch.clone(),
            shared: Arc::clone(&shared),
            written: sender,
            waiting: waits,
            lock,
        };
        Self {
            batch,
            shared,
            written,
            waiting,
            writer: AbortOnDropHandle::new(tokio::spawn(writer.run())),
        }
    }

    #[must_use]
    pub fn batch(&self) -> &BatchId {
        &self.batch
    }

    /// Records an event of the time `at`, to be written soon. Never waits; an event that changes no row costs next to nothing.
    pub fn record(&self, event: &Event, at: Timestamp) {
        let mut pending = self.shared.pending();
        if pending.state == RecorderState::Open {
            pending.changes.apply(event, at);
            pending.recorded += 1;
            if pending.changes.is_due() {
                self.shared.recorded.notify_one();
            }
        }
    }

    /// Waits until everything recorded so far is durable.
    ///
    /// # Errors
    /// Why the journal is lost, if it is.
    pub fn flush(&self) -> impl Future<Output = Result<(), JournalError>> + Send + use<> {
        let recorded = {
            let mut pending = self.shared.pending();
            pending.flushing = true;
            pending.recorded
        };
        self.shared.hurry();
        let mut written = self.written.clone();
        async move {
            let written = written
                .wait_for(|written| written.upto >= recorded || written.lost.is_some())
                .await
                .map_err(|_| JournalError::Stopped)?;
            written.lost.clone().map_or(Ok(()), Err)
        }
    }

    /// Reports what the writer waits for.
    #[must_use]
    pub fn waits(&self) -> Waits {
        Waits(self.waiting.clone())
    }

    /// Resolves when the journal can no longer be written, with the reason. Never resolves while it works.
    pub fn lost(&self) -> impl Future<Output = JournalError> + Send + use<> {
        let mut written = self.written.clone();
        async move {
            let lost = written.wait_for(|written| written.lost.is_some()).await;
            lost.ok()
                .and_then(|written| written.lost.clone())
                .unwrap_or(JournalError::Stopped)
        }
    }

    /// Writes what is recorded and releases the lock.
    ///
    /// # Errors
    /// Why the journal is lost, if it is; the lock is released all the same.
    pub async fn close(self) -> Result<(), JournalError> {
        self.flush().await?;
        self.shared.pending().state = RecorderState::Closing;
        self.shared.hurry();
        self.writer.await.map_err(|_| JournalError::Stopped)
    }
}

impl Shared {
    /// No change under this lock can panic half-way, so the value of a poisoned lock is valid.
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
            let (changes, recorded, state) = {
                let mut pending = self.shared.pending();
                // A flush that comes later notifies again.
                let flushing = std::mem::take(&mut pending.flushing);
                if !flushing && !pending.changes.is_due() && pending.state == RecorderState::Open {
                    continue;
                }
                (pending.changes.take(), pending.recorded, pending.state)
            };
            if !changes.is_empty()
                && let Err(cause) = self.write(&changes).await
            {
                return self.lose(cause).await;
            }
            self.written.send_modify(|written| written.upto = recorded);
            if state == RecorderState::Closing {
                // A lock that a lost connection had ended with it.
                if let Some(connection) = self.connection {
                    batch_lock::release(connection, &self.batch, self.lock).await;
                }
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(BETWEEN_COMMITS) => {}
                () = self.shared.urgent.notified() => {}
            }
        }
    }

    /// Writes `changes`; tries again after transient failures.
    async fn write(&mut self, changes: &Changes) -> Result<(), JournalError> {
        let waiting = &self.waiting;
        let on_wait = |obstacle| _ = waiting.send_replace(Some(obstacle));
        let mut retries = Retries::new(retry::BATCH_LIMIT, true, on_wait);
        let written = loop {
            let attempt = write(&self.location, &mut self.connection, &self.batch, changes);
            match attempt.await {
                Ok(()) => break Ok(()),
                Err(error) => {
                    if let Err(error) = retries.after(error).await {
                        break Err(error);
                    }
                }
            }
        };
        waiting.send_if_modified(|waiting| waiting.take().is_some());
        written
    }

    /// Keeps the lock until the recorder is dropped: images may still be in flight.
    async fn lose(self, cause: JournalError) {
        self.shared.pending().state = RecorderState::Lost;
        self.written
            .send_modify(|written| written.lost = Some(cause));
        std::future::pending().await
    }
}

/// Writes on the connection, or on a new one when it was lost and no other process has locked the batch since.
async fn write(
    location: &JournalLocation,
    connection: &mut Option<AnyConnection>,
    batch: &BatchId,
    changes: &Changes,
) -> Result<(), JournalError> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => {
            let connect = async {
                let mut open = location.connect().await?;
                batch_lock::take_again(location, &mut open, batch).await?;
                Ok(open)
            };
            let late = |_| JournalError::write(io::Error::from(io::ErrorKind::TimedOut).into());
            timeout(CONNECT, connect).await.map_err(late)??
        }
    };
    let written = rows::write(&mut open, batch, changes).await;
    let usable = match (&written, location) {
        (Ok(()), _) | (_, JournalLocation::Directory(_)) => true,
        // A connection that is lost does not answer.
        (Err(_), JournalLocation::Postgres(_)) => open.ping().await.is_ok(),
    };
    *connection = usable.then_some(open);
    written.map_err(JournalError::write)
}

#[cfg(test)]
mod tests;

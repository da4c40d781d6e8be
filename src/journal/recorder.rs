//! Writes a running batch's events: recording never waits, and what is recorded is soon durable.
//!
//! Decides when to commit. Events are folded into pending changes under a lock held for that alone; one task
//! commits whatever is pending, at once after a quiet time and then at most every 20 ms, so that the number of
//! commits does not grow with the number of events. A commit that fails for what passes is repeated, while later
//! events fold into the next one. Invariant: after any other failed commit nothing more is written, and everyone
//! who asks learns why.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sqlx::{AnyConnection, Connection as _};
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    JournalError, JournalLocation, Obstacle,
    batch_lock::{self, BatchLock},
    pending_changes::{Changes, PendingChanges},
    retry::{self, Retries},
    rows,
};
use crate::batch::{BatchId, Event};

const BETWEEN_COMMITS: Duration = Duration::from_millis(20);
/// How long a database may take to answer a new connection.
const CONNECT: Duration = Duration::from_secs(10);

/// The one writer of a batch, and its hold on it.
///
/// Dropping it gives the batch free and loses what was not flushed; [`Recorder::close`] loses nothing.
#[derive(Debug)]
pub struct Recorder {
    batch: BatchId,
    shared: Arc<Shared>,
    written: watch::Receiver<CommitResult>,
    waiting: watch::Receiver<Option<Obstacle>>,
    writer: AbortOnDropHandle<()>,
}

/// Tells when the writer begins to wait for the journal, and when it goes on.
#[derive(Debug)]
pub struct Waits(watch::Receiver<Option<Obstacle>>);

impl Waits {
    /// Whether the writer waits now.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// What the writer waits for from now on, or nothing when it goes on.
    pub async fn next(&mut self) -> Option<Obstacle> {
        match self.0.changed().await {
            Ok(()) => *self.0.borrow_and_update(),
            // The writer has ended, and waits for nothing any more.
            Err(_) => std::future::pending().await,
        }
    }
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
    ledger: PendingChanges,
    /// How many events have been recorded.
    recorded: u64,
    /// A flush waits: also an unfinished listing is written.
    flushing: bool,
    standing: RecorderState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RecorderState {
    Open,
    /// Everything is written; the writer is to leave.
    Closing,
    /// Nothing will be written any more.
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
    place: JournalLocation,
    /// Absent after it was lost.
    connection: Option<AnyConnection>,
    batch: BatchId,
    shared: Arc<Shared>,
    written: watch::Sender<CommitResult>,
    waiting: watch::Sender<Option<Obstacle>>,
    hold: BatchLock,
}

impl Recorder {
    pub(super) fn start(
        place: JournalLocation,
        connection: AnyConnection,
        hold: BatchLock,
        batch: BatchId,
        ledger: PendingChanges,
    ) -> Self {
        let shared = Arc::new(Shared {
            pending: Mutex::new(Pending {
                ledger,
                recorded: 0,
                flushing: false,
                standing: RecorderState::Open,
            }),
            recorded: Notify::new(),
            urgent: Notify::new(),
        });
        let (sender, written) = watch::channel(CommitResult::default());
        let (waits, waiting) = watch::channel(None);
        let writer = Writer {
            place,
            connection: Some(connection),
            batch: batch.clone(),
            shared: Arc::clone(&shared),
            written: sender,
            waiting: waits,
            hold,
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

    /// Records an event to be written soon. Never waits; an event that changes no row costs next to nothing.
    pub fn record(&self, event: &Event) {
        let mut pending = self.shared.pending();
        if pending.standing == RecorderState::Open {
            pending.ledger.apply(event);
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

    /// Tells what writing has to wait for.
    #[must_use]
    pub fn waits(&self) -> Waits {
        Waits(self.waiting.clone())
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
        self.flush().await?;
        self.shared.pending().standing = RecorderState::Closing;
        self.shared.hurry();
        self.writer.await.map_err(|_| JournalError::Stopped)
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
                if !flushing && !pending.ledger.is_due() && pending.standing == RecorderState::Open
                {
                    continue;
                }
                (pending.ledger.take(), pending.recorded, pending.standing)
            };
            if !changes.is_empty()
                && let Err(cause) = self.write(&changes).await
            {
                return self.lose(cause).await;
            }
            self.written.send_modify(|written| written.upto = recorded);
            if standing == RecorderState::Closing {
                // What a lost connection held went with it.
                if let Some(connection) = self.connection {
                    batch_lock::release(connection, &self.batch, self.hold).await;
                }
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(BETWEEN_COMMITS) => {}
                () = self.shared.urgent.notified() => {}
            }
        }
    }

    /// Writes `changes`, again as long as what keeps it from being written passes.
    async fn write(&mut self, changes: &Changes) -> Result<(), JournalError> {
        let waiting = &self.waiting;
        let tell = |obstacle| _ = waiting.send_replace(Some(obstacle));
        let mut retries = Retries::new(retry::BATCH, true, tell);
        let written = loop {
            let attempt = write(&self.place, &mut self.connection, &self.batch, changes);
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

    /// Keeps the batch until the recorder is dropped: its images may still be under way.
    async fn lose(self, cause: JournalError) {
        self.shared.pending().standing = RecorderState::Lost;
        self.written
            .send_modify(|written| written.lost = Some(cause));
        std::future::pending().await
    }
}

/// Writes on the connection, or on a new one when it was lost and the batch is still this process's.
async fn write(
    place: &JournalLocation,
    connection: &mut Option<AnyConnection>,
    batch: &BatchId,
    changes: &Changes,
) -> Result<(), JournalError> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => {
            let connect = async {
                let mut open = place.connect().await?;
                batch_lock::take_again(place, &mut open, batch).await?;
                Ok(open)
            };
            let late = |_| JournalError::write(io::Error::from(io::ErrorKind::TimedOut).into());
            timeout(CONNECT, connect).await.map_err(late)??
        }
    };
    let written = rows::write(&mut open, batch, changes).await;
    let usable = match (&written, place) {
        (Ok(()), _) | (_, JournalLocation::Directory(_)) => true,
        // A connection that is lost does not answer.
        (Err(_), JournalLocation::Postgres(_)) => open.ping().await.is_ok(),
    };
    *connection = usable.then_some(open);
    written.map_err(JournalError::write)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::{Job, JobId, Outcome},
        journal::{Journal, JournalLocation},
        oci::{CopySpec, Digest},
    };

    /// A recorder on a new SQLite file whose connection was prepared with `settings`.
    async fn recorder(directory: &tempfile::TempDir, settings: &'static str) -> Recorder {
        let place = JournalLocation::Directory(directory.path().to_owned());
        Journal::open(place.clone()).await.unwrap();
        let mut connection = place.connect().await.unwrap();
        sqlx::raw_sql(settings)
            .execute(&mut connection)
            .await
            .unwrap();
        let batch = BatchId("b".into());
        Recorder::start(
            place,
            connection,
            BatchLock::Connection,
            batch,
            PendingChanges::default(),
        )
    }

    fn list(recorder: &Recorder, jobs: u32) {
        for number in 0..jobs {
            let reference = format!("a.example/app{number}:1").parse().unwrap();
            recorder.record(&Event::JobListed {
                job: Job {
                    id: JobId(number),
                    spec: CopySpec::new(
                        reference,
                        format!("b.example/app{number}:1").parse().unwrap(),
                    ),
                },
            });
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_reported_and_nothing_blocks_on_it() {
        let directory = tempfile::tempdir().unwrap();
        let recorder = recorder(&directory, "PRAGMA max_page_count = 20").await;
        list(&recorder, 5000);
        let lost = recorder.lost().await;
        let JournalError::Write(cause) = &lost else {
            panic!("{lost:?}");
        };
        assert!(cause.to_string().contains("full"), "{cause}");
        list(&recorder, 5000);
        assert!(matches!(
            recorder.flush().await,
            Err(JournalError::Write(_))
        ));
        assert!(matches!(
            recorder.close().await,
            Err(JournalError::Write(_))
        ));
    }

    /// Another program that writes the journal, and is not done.
    async fn lock(directory: &tempfile::TempDir) -> AnyConnection {
        let place = JournalLocation::Directory(directory.path().to_owned());
        let mut connection = place.connect().await.unwrap();
        let begin = sqlx::raw_sql("BEGIN IMMEDIATE");
        begin.execute(&mut connection).await.unwrap();
        connection
    }

    #[tokio::test(start_paused = true)]
    async fn a_locked_journal_is_waited_for_and_what_came_meanwhile_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let recorder = recorder(&directory, "PRAGMA busy_timeout = 0").await;
        let mut other = lock(&directory).await;
        let mut waits = recorder.waits();
        list(&recorder, 10);
        assert_eq!(waits.next().await, Some(Obstacle::Locked));
        recorder.record(&Event::JobFinished {
            job: JobId(0),
            outcome: Outcome::Copied {
                root: Digest::of(b"root"),
            },
        });
        let commit = sqlx::raw_sql("COMMIT");
        commit.execute(&mut other).await.unwrap();
        assert_eq!(waits.next().await, None);
        recorder.flush().await.unwrap();
        let rows = "SELECT count(*) FROM jobs GROUP BY state ORDER BY state";
        let rows: Vec<i64> = sqlx::query_scalar(rows)
            .fetch_all(&mut other)
            .await
            .unwrap();
        assert_eq!(rows, [1, 9]);
        recorder.close().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_journal_that_stays_locked_is_lost_with_its_whole_cause() {
        let directory = tempfile::tempdir().unwrap();
        let recorder = recorder(&directory, "PRAGMA busy_timeout = 0").await;
        let _other = lock(&directory).await;
        list(&recorder, 10);
        let lost = recorder.lost().await;
        let chain = lost.chain();
        assert!(
            chain.starts_with("use the journal within 600 s: "),
            "{chain}"
        );
        assert!(chain.contains("write the journal: "), "{chain}");
        assert!(chain.contains("database is locked"), "{chain}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_recorded_becomes_durable_without_asking() {
        let directory = tempfile::tempdir().unwrap();
        let recorder = recorder(&directory, "").await;
        let mut written = recorder.written.clone();
        for number in 1..4 {
            list(&recorder, number);
            written.changed().await.unwrap();
        }
        assert_eq!(written.borrow().upto, 6);
        recorder.close().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn many_events_need_few_commits() {
        let directory = tempfile::tempdir().unwrap();
        let recorder = recorder(&directory, "").await;
        list(&recorder, 1000);
        let mut written = recorder.written.clone();
        recorder.flush().await.unwrap();
        written.mark_unchanged();
        let mut commits = 0;
        for number in 0..1000 {
            recorder.record(&Event::JobFinished {
                job: JobId(number),
                outcome: Outcome::Copied {
                    root: Digest::of(b"root"),
                },
            });
            tokio::task::yield_now().await;
            commits += u32::from(written.has_changed().unwrap());
            written.mark_unchanged();
        }
        recorder.close().await.unwrap();
        // The clock stands still while this test is busy, so the time between two commits never ends.
        assert!(commits <= 1, "{commits} commits");
    }
}

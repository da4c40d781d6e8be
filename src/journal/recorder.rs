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

use sqlx::AnyConnection;
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
    /// Everything is written; the writer is to leave.
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
        self.flush().await?;
        self.shared.pending().standing = Standing::Closing;
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
                if !flushing && !pending.ledger.is_due() && pending.standing == Standing::Open {
                    continue;
                }
                (pending.ledger.take(), pending.recorded, pending.standing)
            };
            if !changes.is_empty()
                && let Err(cause) = rows::write(&mut self.connection, &self.batch, &changes).await
            {
                return self.lose(JournalError::write(cause)).await;
            }
            self.written.send_modify(|written| written.upto = recorded);
            if standing == Standing::Closing {
                return hold::leave(self.connection, &self.batch, self.hold).await;
            }
            tokio::select! {
                () = tokio::time::sleep(BETWEEN_COMMITS) => {}
                () = self.shared.urgent.notified() => {}
            }
        }
    }

    /// Keeps the batch until the recorder is dropped: its images may still be under way.
    async fn lose(self, cause: JournalError) {
        self.shared.pending().standing = Standing::Lost;
        self.written
            .send_modify(|written| written.lost = Some(cause));
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::{Job, JobId, Outcome},
        journal::{Journal, Place},
        oci::Digest,
    };

    /// A recorder on a new SQLite file whose connection was prepared with `settings`.
    async fn recorder(directory: &tempfile::TempDir, settings: &'static str) -> Recorder {
        let place = Place::Directory(directory.path().to_owned());
        Journal::open(place.clone()).await.unwrap();
        let mut connection = place.connect().await.unwrap();
        sqlx::raw_sql(settings)
            .execute(&mut connection)
            .await
            .unwrap();
        let batch = BatchId("b".into());
        Recorder::start(connection, Hold::Connection, batch, Ledger::default())
    }

    fn list(recorder: &Recorder, jobs: u32) {
        for number in 0..jobs {
            let reference = format!("a.example/app{number}:1").parse().unwrap();
            recorder.record(&Event::JobListed {
                job: Job {
                    id: JobId(number),
                    source: reference,
                    destination: format!("b.example/app{number}:1").parse().unwrap(),
                    platforms: Vec::new(),
                    attachments: Default::default(),
                    on_existing: Default::default(),
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

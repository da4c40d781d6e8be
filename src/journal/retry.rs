//! Which failures of a journal are transient, and how long they are retried.
//!
//! A locked SQLite file, a conflict of transactions and a PostgreSQL server that restarts or lost a connection are
//! transient: a command retries for 1 minute, a running batch for 10 minutes, while its images go on. A full disk, a
//! read-only journal and an address that was never reached fail at once. Invariant: a wait of more than 3 seconds is
//! reported.

use std::{fmt, time::Duration};

use sqlx::{error::DatabaseError, postgres::PgDatabaseError, sqlite::SqliteError};
use tokio::time::{Instant, sleep};

use super::JournalError;

/// How long a command waits.
pub(super) const COMMAND_LIMIT: Duration = Duration::from_secs(60);
/// How long a running batch waits.
pub(super) const BATCH_LIMIT: Duration = Duration::from_secs(600);
const REPORT_AFTER: Duration = Duration::from_secs(3);
const FIRST_DELAY: Duration = Duration::from_millis(10);
const MAX_DELAY: Duration = Duration::from_millis(250);

/// A transient reason why the journal cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    Locked,
    Unreachable,
}

/// The attempts of one operation.
pub(super) struct Retries<OnWait> {
    limit: Duration,
    on_wait: OnWait,
    since: Option<Instant>,
    delay: Duration,
    reported: bool,
    /// The journal was reached before, so an outage is expected to end.
    reached: bool,
}

impl<OnWait: Fn(Obstacle)> Retries<OnWait> {
    /// Calls `on_wait` once, after [`REPORT_AFTER`].
    pub(super) fn new(limit: Duration, reached: bool, on_wait: OnWait) -> Self {
        Self {
            limit,
            on_wait,
            since: None,
            delay: FIRST_DELAY,
            reported: false,
            reached,
        }
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// The error itself when it is not transient, or the limit is reached.
    pub(super) async fn after(&mut self, error: JournalError) -> Result<(), JournalError> {
        self.reached |= !matches!(error, JournalError::Open { .. });
        let Some(obstacle) = obstacle(&error, self.reached) else {
            return Err(error);
        };
        let waited = self.since.get_or_insert_with(Instant::now).elapsed();
        if waited >= self.limit {
            return Err(JournalError::GaveUp {
                waited,
                cause: Box::new(error),
            });
        }
        if waited >= REPORT_AFTER && !self.reported {
            self.reported = true;
            (self.on_wait)(obstacle);
        }
        sleep(self.delay).await;
        self.delay = (self.delay * 2).min(MAX_DELAY);
        Ok(())
    }
}

/// Repeats `attempt` after transient failures.
pub(super) async fn persist<T, Attempt: Future<Output = Result<T, JournalError>>>(
    on_wait: impl Fn(Obstacle),
    mut attempt: impl FnMut() -> Attempt,
) -> Result<T, JournalError> {
    let mut retries = Retries::new(COMMAND_LIMIT, false, on_wait);
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) => retries.after(error).await?,
        }
    }
}

fn obstacle(error: &JournalError, reached: bool) -> Option<Obstacle> {
    match error {
        JournalError::Opening { .. } => Some(Obstacle::Locked),
        JournalError::Lingering { .. } => Some(Obstacle::Unreachable),
        JournalError::Open { cause, .. }
        | JournalError::Read(cause)
        | JournalError::Write(cause) => match &**cause {
            sqlx::Error::Io(_) => reached.then_some(Obstacle::Unreachable),
            sqlx::Error::Database(error) => of_database(&**error),
            _ => None,
        },
        JournalError::Directory { .. }
        | JournalError::NewerSchema { .. }
        | JournalError::Held { .. }
        | JournalError::Unknown { .. }
        | JournalError::Ambiguous { .. }
        | JournalError::Damaged { .. }
        | JournalError::GaveUp { .. }
        | JournalError::Abandoned
        | JournalError::Stopped => None,
    }
}

fn of_database(error: &(dyn DatabaseError + 'static)) -> Option<Obstacle> {
    if error.try_downcast_ref::<SqliteError>().is_some() {
        // The low byte is the primary result code: SQLITE_BUSY, SQLITE_LOCKED.
        let code: i32 = error.code()?.parse().ok()?;
        return matches!(code & 0xff, 5 | 6).then_some(Obstacle::Locked);
    }
    let code = error.try_downcast_ref::<PgDatabaseError>()?.code();
    match code {
        // Serialization failure, deadlock, lock not available.
        "40001" | "40P01" | "55P03" => Some(Obstacle::Locked),
        // Shut down by the administrator, by a crash; starting; too many connections.
        "57P01" | "57P02" | "57P03" | "53300" => Some(Obstacle::Unreachable),
        code => code.starts_with("08").then_some(Obstacle::Unreachable),
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Locked => "the journal is locked by another program",
            Self::Unreachable => "the journal's database cannot be reached",
        })
    }
}

//! Which failures of a journal pass by themselves, how long they are waited for, and what then.
//!
//! A locked SQLite file, a conflict of transactions and a PostgreSQL server that restarts or lost a connection are
//! waited for: a command waits 1 minute, a running batch 10 minutes, during which its images go on. A full disk, a
//! journal that may not be written and an address that was never reached are told at once. Invariant: whoever
//! waits for longer than 3 seconds is told what for.

use std::{fmt, time::Duration};

use sqlx::{error::DatabaseError, postgres::PgDatabaseError, sqlite::SqliteError};
use tokio::time::{Instant, sleep};

use super::JournalError;

/// How long a command waits.
pub(super) const COMMAND: Duration = Duration::from_secs(60);
/// How long a running batch waits.
pub(super) const BATCH: Duration = Duration::from_secs(600);
const TOLD_AFTER: Duration = Duration::from_secs(3);
const FIRST_DELAY: Duration = Duration::from_millis(10);
const LONGEST_DELAY: Duration = Duration::from_millis(250);

/// What keeps a journal from being used, and passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    Locked,
    Unreachable,
}

/// The attempts of one piece of work.
pub(super) struct Retries<Tell> {
    limit: Duration,
    tell: Tell,
    since: Option<Instant>,
    delay: Duration,
    told: bool,
    /// The journal was there before, so that it can be expected to come back.
    reached: bool,
}

impl<Tell: Fn(Obstacle)> Retries<Tell> {
    /// `tell` is called once, when the wait is long enough to be worth a word.
    pub(super) fn new(limit: Duration, reached: bool, tell: Tell) -> Self {
        Self {
            limit,
            tell,
            since: None,
            delay: FIRST_DELAY,
            told: false,
            reached,
        }
    }

    /// Waits until it is time for another attempt.
    ///
    /// # Errors
    /// The error itself when it will not pass, or has been waited for long enough.
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
        if waited >= TOLD_AFTER && !self.told {
            self.told = true;
            (self.tell)(obstacle);
        }
        sleep(self.delay).await;
        self.delay = (self.delay * 2).min(LONGEST_DELAY);
        Ok(())
    }
}

/// Repeats `attempt` as long as what it fails for passes.
pub(super) async fn persist<T, Attempt: Future<Output = Result<T, JournalError>>>(
    tell: impl Fn(Obstacle),
    mut attempt: impl FnMut() -> Attempt,
) -> Result<T, JournalError> {
    let mut retries = Retries::new(COMMAND, false, tell);
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
        // The low byte of a result code says what it is: SQLITE_BUSY, SQLITE_LOCKED.
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

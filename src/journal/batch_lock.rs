//! The lock that lets one process at a time run a batch.
//!
//! With SQLite it is a lock on a file, with PostgreSQL an advisory lock of the connection that writes, so that it ends
//! with the process however that ends. Invariant: the `owners` table only names the owner; the lock alone tells
//! whether there is one.

use std::{
    collections::BTreeSet,
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::Digest as _;
use sqlx::{AnyConnection, Connection as _, Row as _};

use super::{JournalError, JournalLocation, Owner, private, rows};
use crate::batch::BatchId;

/// `batches` briefly takes each lock to see whether it is free, so retry before reporting `Held`.
const ATTEMPTS: u32 = 5;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);

/// Released when dropped together with the connection it was taken on.
#[derive(Debug)]
pub(super) enum BatchLock {
    /// Locked as long as it is open.
    File(#[expect(dead_code, reason = "kept open, never read")] File),
    Connection,
}

/// Locks the batch for this process, on the connection that will write it, and records the owner.
pub(super) async fn acquire(
    location: &JournalLocation,
    connection: &mut AnyConnection,
    batch: &BatchId,
) -> Result<BatchLock, JournalError> {
    let lock = lock(location, connection, batch).await?;
    record_owner(connection, batch)
        .await
        .map_err(JournalError::write)?;
    Ok(lock)
}

/// Locks the batch again after its connection was lost, unless another process has locked it since.
pub(super) async fn take_again(
    location: &JournalLocation,
    connection: &mut AnyConnection,
    batch: &BatchId,
) -> Result<(), JournalError> {
    match location {
        JournalLocation::Directory(_) => return Ok(()),
        JournalLocation::Postgres(_) => {}
    }
    let locked = lock_in_database(connection, batch).await;
    let locked = locked.map_err(JournalError::read)?;
    let by = read_owner(connection, batch)
        .await
        .map_err(JournalError::read)?;
    let still_ours = by.as_ref().is_some_and(Owner::is_this_process);
    match (still_ours, locked) {
        (true, true) => Ok(()),
        (true, false) => Err(JournalError::Lingering {
            batch: batch.clone(),
        }),
        (false, _) => Err(JournalError::Held {
            batch: batch.clone(),
            by,
        }),
    }
}

/// Takes the lock alone; [`record_owner`] names the owner.
pub(super) async fn lock(
    location: &JournalLocation,
    connection: &mut AnyConnection,
    batch: &BatchId,
) -> Result<BatchLock, JournalError> {
    let mut attempts = 0;
    loop {
        let lock = match location {
            JournalLocation::Directory(directory) => {
                lock_file(directory, batch)?.map(BatchLock::File)
            }
            JournalLocation::Postgres(_) => lock_in_database(connection, batch)
                .await
                .map_err(JournalError::read)?
                .then_some(BatchLock::Connection),
        };
        if let Some(lock) = lock {
            return Ok(lock);
        }
        attempts += 1;
        if attempts == ATTEMPTS {
            let by = read_owner(connection, batch)
                .await
                .map_err(JournalError::read)?;
            return Err(JournalError::Held {
                batch: batch.clone(),
                by,
            });
        }
        tokio::time::sleep(BETWEEN_ATTEMPTS).await;
    }
}

/// Removes the owner and releases the lock. Errors are ignored: the lock ends with the connection anyway, and an owner
/// without a lock counts for nothing.
pub(super) async fn release(mut connection: AnyConnection, batch: &BatchId, lock: BatchLock) {
    let _ = sqlx::query("DELETE FROM owners WHERE batch = $1")
        .bind(&*batch.0)
        .execute(&mut connection)
        .await;
    match lock {
        BatchLock::File(_) => {}
        // The server may notice the closed connection only after another process asked for the lock.
        BatchLock::Connection => {
            let _ = sqlx::query("SELECT pg_advisory_unlock($1)")
                .bind(key(batch))
                .execute(&mut connection)
                .await;
        }
    }
    let _ = connection.close().await;
}

/// Removes the lock file of a deleted batch. A process that waits for it locks a removed file, and then finds that
/// the batch is gone.
pub(super) fn forget(location: &JournalLocation, batch: &BatchId) {
    if let JournalLocation::Directory(directory) = location {
        let _ = std::fs::remove_file(lock_path(directory, batch));
    }
}

/// The batches that are locked now, with their owners.
pub(super) async fn owners(
    location: &JournalLocation,
    connection: &mut AnyConnection,
) -> Result<Vec<(BatchId, Owner)>, JournalError> {
    let rows = sqlx::query("SELECT batch, host, pid, since FROM owners")
        .fetch_all(&mut *connection)
        .await
        .map_err(JournalError::read)?;
    let locked = match location {
        JournalLocation::Directory(_) => BTreeSet::new(),
        JournalLocation::Postgres(_) => keys_locked_in_database(connection)
            .await
            .map_err(JournalError::read)?,
    };
    let mut owners = Vec::new();
    for row in rows {
        let batch = BatchId(row.get::<&str, _>("batch").into());
        let held = match location {
            JournalLocation::Directory(directory) => lock_file(directory, &batch)?.is_none(),
            JournalLocation::Postgres(_) => locked.contains(&key(&batch)),
        };
        if let Some(owner) = to_owner(&row).filter(|_| held) {
            owners.push((batch, owner));
        }
    }
    Ok(owners)
}

pub(super) async fn record_owner(
    connection: &mut AnyConnection,
    batch: &BatchId,
) -> Result<(), sqlx::Error> {
    let Owner { host, pid, since } = Owner::this_process();
    sqlx::query(
        "INSERT INTO owners (batch, host, pid, since) VALUES ($1, $2, $3, $4) ON CONFLICT (batch) \
         DO UPDATE SET host = excluded.host, pid = excluded.pid, since = excluded.since",
    )
    .bind(&*batch.0)
    .bind(host)
    .bind(i64::from(pid))
    .bind(rows::time(since))
    .execute(connection)
    .await?;
    Ok(())
}

async fn read_owner(
    connection: &mut AnyConnection,
    batch: &BatchId,
) -> Result<Option<Owner>, sqlx::Error> {
    let row = sqlx::query("SELECT host, pid, since FROM owners WHERE batch = $1")
        .bind(&*batch.0)
        .fetch_optional(connection)
        .await?;
    Ok(row.as_ref().and_then(to_owner))
}

fn to_owner(row: &sqlx::any::AnyRow) -> Option<Owner> {
    Some(Owner {
        host: row.get("host"),
        pid: row.get::<i64, _>("pid").try_into().ok()?,
        since: row.get::<&str, _>("since").parse().ok()?,
    })
}

/// The locked file, or nothing when another process has it.
fn lock_file(directory: &Path, batch: &BatchId) -> Result<Option<File>, JournalError> {
    let path = lock_path(directory, batch);
    let failed = |cause| JournalError::directory(&path, cause);
    if let Some(parent) = path.parent() {
        private::make_directory(parent).map_err(failed)?;
    }
    // The file stays after the release: if it were removed, one process could lock the removed file and another a new
    // one of the same name.
    let file = private::open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(cause)) => Err(failed(cause)),
    }
}

/// Ids come from the journal. The hash keeps an id that this program did not make from naming a file elsewhere.
fn lock_path(directory: &Path, batch: &BatchId) -> PathBuf {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let name = if batch.0.chars().all(plain) {
        batch.to_string()
    } else {
        format!("{:016x}", key(batch))
    };
    directory.join("locks").join(format!("{name}.lock"))
}

async fn lock_in_database(
    connection: &mut AnyConnection,
    batch: &BatchId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(key(batch))
        .fetch_one(connection)
        .await
}

async fn keys_locked_in_database(
    connection: &mut AnyConnection,
) -> Result<BTreeSet<i64>, sqlx::Error> {
    let keys = sqlx::query_scalar(
        "SELECT (CAST(classid AS BIGINT) << 32) | CAST(objid AS BIGINT) FROM pg_locks \
         WHERE locktype = 'advisory' AND objsubid = 1 AND granted \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    .fetch_all(connection)
    .await?;
    Ok(keys.into_iter().collect())
}

/// The key of the advisory lock: 64 bits of the batch id's hash.
fn key(batch: &BatchId) -> i64 {
    let hash: [u8; 32] = sha2::Sha256::digest(batch.0.as_bytes()).into();
    let mut key = [0; 8];
    key.copy_from_slice(&hash[..8]);
    i64::from_be_bytes(key)
}

//! The tables, and the schema version that this program understands.
//!
//! The same statements create the journal in SQLite and in PostgreSQL. Invariant: a journal of a newer version is
//! refused before anything in it is read or changed.

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};

use super::{JournalError, JournalLocation, location::FILE};

const KNOWN: i64 = 1 + STEPS.len() as i64;

/// Serialises creating the tables among processes that open the same new PostgreSQL database.
const MAKING_LOCK: &str = "SELECT pg_advisory_xact_lock(7811886)";

const VERSION_TABLE: &str = "CREATE TABLE IF NOT EXISTS transship_schema (version BIGINT NOT NULL)";

/// Version 1.
const TABLES: [&str; 4] = [
    "CREATE TABLE batches (
        id TEXT NOT NULL PRIMARY KEY,
        list_path TEXT NOT NULL,
        list_digest TEXT NOT NULL,
        list_text TEXT NOT NULL,
        settings TEXT NOT NULL,
        created TEXT NOT NULL,
        changed TEXT NOT NULL,
        state TEXT NOT NULL
    )",
    "CREATE TABLE jobs (
        batch TEXT NOT NULL,
        job BIGINT NOT NULL,
        source TEXT NOT NULL,
        destination TEXT NOT NULL,
        platforms TEXT NOT NULL,
        state TEXT NOT NULL,
        attempt BIGINT NOT NULL,
        root TEXT,
        cause TEXT,
        PRIMARY KEY (batch, job)
    )",
    "CREATE TABLE settled (
        batch TEXT NOT NULL,
        registry TEXT NOT NULL,
        repository TEXT NOT NULL,
        digest TEXT NOT NULL,
        size BIGINT NOT NULL,
        PRIMARY KEY (batch, registry, repository, digest)
    )",
    "CREATE TABLE holders (
        batch TEXT NOT NULL PRIMARY KEY,
        host TEXT NOT NULL,
        pid BIGINT NOT NULL,
        since TEXT NOT NULL
    )",
];

/// The statement that makes each version from the one before, from version 2 on.
const STEPS: [&str; 10] = [
    "ALTER TABLE jobs ADD COLUMN attachments TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE jobs ADD COLUMN on_existing TEXT NOT NULL DEFAULT 'replace'",
    "ALTER TABLE holders RENAME TO owners",
    "ALTER TABLE jobs ADD COLUMN format TEXT",
    "ALTER TABLE jobs ADD COLUMN compression TEXT",
    "ALTER TABLE jobs ADD COLUMN engine TEXT NOT NULL DEFAULT 'native'",
    "ALTER TABLE jobs ADD COLUMN group_name TEXT",
    "ALTER TABLE jobs ADD COLUMN figures TEXT",
    "ALTER TABLE jobs ADD COLUMN verified TEXT",
    "ALTER TABLE jobs ADD COLUMN require_signature TEXT NOT NULL DEFAULT '[]'",
];

/// Creates the tables if there are none, updates older ones, and refuses newer ones.
pub(super) async fn make(
    connection: &mut AnyConnection,
    location: &JournalLocation,
) -> Result<(), JournalError> {
    let found = make_or_read(connection, location)
        .await
        .map_err(JournalError::write)?;
    if found > KNOWN {
        return Err(JournalError::NewerSchema {
            location: location.to_string(),
            found,
            known: KNOWN,
        });
    }
    Ok(())
}

/// Whether there is a journal at `location`.
pub(super) async fn exists(location: &JournalLocation) -> Result<bool, JournalError> {
    match location {
        JournalLocation::Directory(directory) => Ok(directory.join(FILE).exists()),
        JournalLocation::Postgres(_) => {
            let mut connection = location.connect().await?;
            let made = is_made(&mut connection, location).await;
            made.map_err(JournalError::read)
        }
    }
}

/// Whether the tables were made.
async fn is_made(
    connection: &mut AnyConnection,
    location: &JournalLocation,
) -> Result<bool, sqlx::Error> {
    let tables: i64 = sqlx::query_scalar(match location {
        JournalLocation::Directory(_) => {
            "SELECT count(*) FROM sqlite_master WHERE name = 'transship_schema'"
        }
        JournalLocation::Postgres(_) => {
            "SELECT count(*) FROM pg_class WHERE oid = to_regclass('transship_schema')"
        }
    })
    .fetch_one(connection)
    .await?;
    Ok(tables > 0)
}

async fn make_or_read(
    connection: &mut AnyConnection,
    location: &JournalLocation,
) -> Result<i64, sqlx::Error> {
    // Reading waits for no writer.
    if is_made(connection, location).await? {
        let version = sqlx::query_scalar::<_, i64>("SELECT version FROM transship_schema")
            .fetch_optional(&mut *connection)
            .await?;
        if let Some(version) = version.filter(|version| *version >= KNOWN) {
            return Ok(version);
        }
    }
    let mut transaction = match location {
        // A transaction that begins by reading fails, instead of waiting, when it wants to write after another one.
        JournalLocation::Directory(_) => connection.begin_with("BEGIN IMMEDIATE").await?,
        JournalLocation::Postgres(_) => {
            let mut transaction = connection.begin().await?;
            sqlx::raw_sql(MAKING_LOCK)
                .execute(&mut *transaction)
                .await?;
            transaction
        }
    };
    sqlx::raw_sql(VERSION_TABLE)
        .execute(&mut *transaction)
        .await?;
    let version = sqlx::query_scalar::<_, i64>("SELECT version FROM transship_schema")
        .fetch_optional(&mut *transaction)
        .await?;
    if version.is_none() {
        // In SQLite rows then lie in the tree of their key, instead of being written there and beside it.
        let clustered = match location {
            JournalLocation::Directory(_) => " WITHOUT ROWID",
            JournalLocation::Postgres(_) => "",
        };
        for table in TABLES {
            let table = AssertSqlSafe(format!("{table}{clustered}"));
            sqlx::raw_sql(table).execute(&mut *transaction).await?;
        }
        sqlx::raw_sql("INSERT INTO transship_schema (version) VALUES (1)")
            .execute(&mut *transaction)
            .await?;
    }
    let mut version = version.unwrap_or(1);
    for step in STEPS
        .iter()
        .skip(usize::try_from(version - 1).unwrap_or_default())
    {
        sqlx::raw_sql(*step).execute(&mut *transaction).await?;
        version += 1;
        sqlx::query("UPDATE transship_schema SET version = $1")
            .bind(version)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(version)
}

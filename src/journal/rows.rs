//! The SQL that writes and reads one batch.
//!
//! Decides how values are stored, not when. Invariant: every value is bound, and a value that cannot be read back is
//! reported as a damaged batch.

use std::{fmt::Write as _, str::FromStr};

use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use sqlx::{
    Any, AnyConnection, AssertSqlSafe, Connection as _, Row as _,
    any::{AnyArguments, AnyRow},
    query::Query,
};

use super::{
    BatchState, JournalError, SettledBlob, StoredJob, Verification,
    changes::{Changes, StoredState},
};
use crate::{
    batch::{Attempt, BatchId, Job, JobId, Outcome, SkipReason},
    oci::{Compression, CopyEngine, CopySpec, GroupName, ManifestFormat, OnExisting},
};

/// Writes `changes` in one transaction. Idempotent: when a connection is lost, the commit may have happened.
pub(super) async fn write(
    connection: &mut AnyConnection,
    batch: &BatchId,
    changes: &Changes,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let connection = &mut *transaction;
    if let Some(state) = changes.state {
        write_state(connection, batch, state).await?;
    }
    let mut listed = &changes.listed[..];
    while let Some((chunk, rest)) = split(listed) {
        insert_jobs(connection, batch, chunk).await?;
        listed = rest;
    }
    let jobs: Vec<_> = changes.jobs.iter().collect();
    let mut jobs = &jobs[..];
    while let Some((chunk, rest)) = split(jobs) {
        let mut update = query(format!(
            "WITH changed (job, state, attempt, root, cause, figures) AS (VALUES {}) UPDATE jobs SET \
             state = changed.state, attempt = changed.attempt, root = changed.root, \
             cause = changed.cause, figures = changed.figures, verified = NULL \
             FROM changed WHERE jobs.batch = $1 AND jobs.job = changed.job",
            placeholders(2, chunk.len(), 6)
        ))
        .bind(&*batch.0);
        for (job, change) in chunk {
            update = update
                .bind(i64::from(job.0))
                .bind(change.phase.as_str())
                .bind(i64::from(change.attempt.0))
                .bind(change.phase.root())
                .bind(change.phase.cause())
                .bind(
                    change
                        .figures
                        .and_then(|figures| serde_json::to_string(&figures).ok()),
                );
        }
        update.execute(&mut *connection).await?;
        jobs = rest;
    }
    let settled: Vec<_> = changes.settled.iter().collect();
    let mut settled = &settled[..];
    while let Some((chunk, rest)) = split(settled) {
        let mut insert = query(format!(
            "INSERT INTO settled (batch, registry, repository, digest, size) VALUES {} \
             ON CONFLICT DO NOTHING",
            placeholders(1, chunk.len(), 5)
        ));
        for blob in chunk {
            insert = insert
                .bind(&*batch.0)
                .bind(blob.registry.as_str())
                .bind(blob.repository.as_str())
                .bind(blob.digest.to_string())
                .bind(i64::try_from(blob.size).unwrap_or(i64::MAX));
        }
        insert.execute(&mut *connection).await?;
        settled = rest;
    }
    transaction.commit().await
}

async fn write_state(
    connection: &mut AnyConnection,
    batch: &BatchId,
    state: BatchState,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE batches SET state = $1, changed = $2 WHERE id = $3")
        .bind(state.as_str())
        .bind(time(Timestamp::now()))
        .bind(&*batch.0)
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert_jobs(
    connection: &mut AnyConnection,
    batch: &BatchId,
    jobs: &[Job],
) -> Result<(), sqlx::Error> {
    let mut insert = query(format!(
        "INSERT INTO jobs (batch, job, source, destination, platforms, attachments, on_existing, format, compression, engine, group_name, require_signature, state, attempt) VALUES {} \
         ON CONFLICT DO NOTHING",
        placeholders(1, jobs.len(), 14)
    ));
    for job in jobs {
        let encoded = |error: serde_json::Error| sqlx::Error::Encode(error.into());
        let platforms = serde_json::to_string(&job.spec.platforms).map_err(encoded)?;
        let attachments = serde_json::to_string(&job.spec.attachments).map_err(encoded)?;
        let keys = serde_json::to_string(&job.spec.require_signature).map_err(encoded)?;
        insert = insert
            .bind(&*batch.0)
            .bind(i64::from(job.id.0))
            .bind(job.spec.source.to_string())
            .bind(job.spec.destination.to_string())
            .bind(platforms)
            .bind(attachments)
            .bind(job.spec.on_existing.word())
            .bind(job.spec.format.map(ManifestFormat::word))
            .bind(job.spec.compression.map(Compression::word))
            .bind(job.spec.engine.word())
            .bind(job.spec.group.as_ref().map(GroupName::as_str))
            .bind(keys)
            .bind(StoredState::Queued.as_str())
            .bind(0_i64);
    }
    insert.execute(connection).await?;
    Ok(())
}

fn query<'q>(sql: String) -> Query<'q, Any, AnyArguments> {
    sqlx::query(AssertSqlSafe(sql))
}

/// The next rows for one statement. Only powers of two up to 128, so that few distinct statements are
/// prepared, and none has more parameters than SQLite takes.
fn split<T>(rows: &[T]) -> Option<(&[T], &[T])> {
    let length = 1 << rows.len().checked_ilog2()?.min(7);
    rows.split_at_checked(length)
}

/// `rows` rows of `columns` numbered placeholders each: `($1, $2), ($3, $4)`. Both databases understand them.
fn placeholders(first: usize, rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 6);
    for number in 0..rows * columns {
        let before = match (number, number % columns) {
            (0, _) => "(",
            (_, 0) => "), (",
            _ => ", ",
        };
        let _ = write!(text, "{before}${}", first + number);
    }
    text.push(')');
    text
}

/// The jobs of `batch`, by id.
pub(super) async fn read_jobs(
    connection: &mut AnyConnection,
    batch: &BatchId,
) -> Result<Vec<StoredJob>, JournalError> {
    let mut rows = sqlx::query(
        "SELECT job, source, destination, platforms, attachments, on_existing, format, \
         compression, engine, group_name, require_signature, state, attempt, root, cause, figures, verified FROM jobs \
         WHERE batch = $1 ORDER BY job",
    )
    .bind(&*batch.0)
    .fetch(connection);
    let mut jobs = Vec::new();
    // One by one: a raw row is several times as large as the job read from it.
    while let Some(row) = rows.try_next().await.map_err(JournalError::read)? {
        let position = jobs.len();
        let job = read_job(&row, position).map_err(|what| JournalError::Damaged {
            batch: batch.clone(),
            what: format!("image {}: {what}", position + 1),
        })?;
        jobs.push(job);
    }
    Ok(jobs)
}

fn read_job(row: &AnyRow, position: usize) -> Result<StoredJob, String> {
    let id = number::<u32>(row, "job")?;
    if id as usize != position {
        return Err("its row is missing".into());
    }
    let job = Job {
        id: JobId(id),
        spec: CopySpec {
            source: text(row, "source")?,
            destination: text(row, "destination")?,
            platforms: json(row, "platforms")?,
            attachments: json(row, "attachments")?,
            on_existing: word(row, "on_existing", OnExisting::from_word)?,
            format: optional_word(row, "format", ManifestFormat::from_word)?,
            compression: optional_word(row, "compression", Compression::from_word)?,
            engine: word(row, "engine", CopyEngine::from_word)?,
            group: optional_word(row, "group_name", |name| name.parse().ok())?,
            require_signature: json(row, "require_signature")?,
        },
    };
    let state = raw(row, "state")?;
    let outcome = match state {
        "queued" | "running" | "waiting" | "staged" => None,
        "copied" => Some(Outcome::Copied {
            root: text(row, "root")?,
        }),
        "up_to_date" => Some(Outcome::UpToDate {
            root: text(row, "root")?,
        }),
        "failed" => Some(Outcome::Failed {
            cause: json(row, "cause")?,
        }),
        "skipped" | "kept" => Some(Outcome::Skipped {
            why: json(row, "cause")?,
        }),
        other => return Err(format!("state {other:?} is unknown")),
    };
    Ok(StoredJob {
        job,
        attempt: Attempt(number(row, "attempt")?),
        outcome,
        staged: match state {
            "staged" => Some(text(row, "root")?),
            _ => None,
        },
        figures: optional_json(row, "figures")?,
        verified: optional_json(row, "verified")?,
    })
}

/// Writes how images of `batch` compared with their sources.
pub(super) async fn write_verifications(
    connection: &mut AnyConnection,
    batch: &BatchId,
    verifications: &[(JobId, Verification)],
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let mut rest = verifications;
    while let Some((chunk, later)) = split(rest) {
        let mut update = query(format!(
            "WITH compared (job, verified) AS (VALUES {}) UPDATE jobs SET \
             verified = compared.verified FROM compared \
             WHERE jobs.batch = $1 AND jobs.job = compared.job",
            placeholders(2, chunk.len(), 2)
        ))
        .bind(&*batch.0);
        for (job, verification) in chunk {
            let encoded = |error: serde_json::Error| sqlx::Error::Encode(error.into());
            update = update
                .bind(i64::from(job.0))
                .bind(serde_json::to_string(verification).map_err(encoded)?);
        }
        update.execute(&mut *transaction).await?;
        rest = later;
    }
    transaction.commit().await
}

/// The blobs `batch` has settled.
pub(super) async fn read_settled(
    connection: &mut AnyConnection,
    batch: &BatchId,
) -> Result<Vec<SettledBlob>, JournalError> {
    let mut rows = sqlx::query(
        "SELECT registry, repository, digest, size FROM settled WHERE batch = $1 \
         ORDER BY registry, repository",
    )
    .bind(&*batch.0)
    .fetch(connection);
    let mut settled: Vec<SettledBlob> = Vec::new();
    while let Some(row) = rows.try_next().await.map_err(JournalError::read)? {
        let blob = read_blob(&row, settled.last()).map_err(|what| JournalError::Damaged {
            batch: batch.clone(),
            what,
        })?;
        settled.push(blob);
    }
    Ok(settled)
}

/// Shares names with the row `before` where they are equal: a batch has many blobs and few repositories.
fn read_blob(row: &AnyRow, before: Option<&SettledBlob>) -> Result<SettledBlob, String> {
    let registry = raw(row, "registry")?;
    let repository = raw(row, "repository")?;
    Ok(SettledBlob {
        registry: match before {
            Some(before) if before.registry.as_str() == registry => before.registry.clone(),
            _ => text(row, "registry")?,
        },
        repository: match before {
            Some(before) if before.repository.as_str() == repository => before.repository.clone(),
            _ => text(row, "repository")?,
        },
        digest: text(row, "digest")?,
        size: number(row, "size")?,
    })
}

/// RFC 3339 with a fixed number of digits, so that text sorts as time does.
pub(super) fn time(at: Timestamp) -> String {
    format!("{at:.6}")
}

fn raw<'r>(row: &'r AnyRow, column: &str) -> Result<&'r str, String> {
    row.try_get(column).map_err(|error| error.to_string())
}

fn text<T: FromStr<Err: std::fmt::Display>>(row: &AnyRow, column: &str) -> Result<T, String> {
    raw(row, column)?
        .parse()
        .map_err(|error| format!("{column}: {error}"))
}

fn word<T>(row: &AnyRow, column: &str, read: fn(&str) -> Option<T>) -> Result<T, String> {
    let word = raw(row, column)?;
    read(word).ok_or_else(|| format!("{column} {word:?} is unknown"))
}

/// `None` for a column without a value.
fn optional_word<T>(
    row: &AnyRow,
    column: &str,
    read: fn(&str) -> Option<T>,
) -> Result<Option<T>, String> {
    let value: Option<&str> = row.try_get(column).map_err(|error| error.to_string())?;
    value.map_or(Ok(None), |_| word(row, column, read).map(Some))
}

fn json<T: serde::de::DeserializeOwned>(row: &AnyRow, column: &str) -> Result<T, String> {
    serde_json::from_str(raw(row, column)?).map_err(|error| format!("{column}: {error}"))
}

/// `None` for a column without a value.
fn optional_json<T: serde::de::DeserializeOwned>(
    row: &AnyRow,
    column: &str,
) -> Result<Option<T>, String> {
    let value: Option<&str> = row.try_get(column).map_err(|error| error.to_string())?;
    value.map_or(Ok(None), |_| json(row, column).map(Some))
}

fn number<T: TryFrom<i64>>(row: &AnyRow, column: &str) -> Result<T, String> {
    let number: i64 = row.try_get(column).map_err(|error| error.to_string())?;
    T::try_from(number).map_err(|_| format!("{column} {number} is out of range"))
}

impl StoredState {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting(_) => "waiting",
            Self::Staged(_) => "staged",
            Self::Ended(Outcome::Copied { .. }) => "copied",
            Self::Ended(Outcome::UpToDate { .. }) => "up_to_date",
            Self::Ended(Outcome::Failed { .. }) => "failed",
            Self::Ended(Outcome::Skipped { why }) => match why {
                SkipReason::User => "skipped",
                SkipReason::Kept { .. } => "kept",
            },
        }
    }

    fn root(&self) -> Option<String> {
        match self {
            Self::Staged(root)
            | Self::Ended(Outcome::Copied { root } | Outcome::UpToDate { root }) => {
                Some(root.to_string())
            }
            Self::Queued
            | Self::Running
            | Self::Waiting(_)
            | Self::Ended(Outcome::Failed { .. } | Outcome::Skipped { .. }) => None,
        }
    }

    /// The failure, or why the image was skipped, as JSON.
    fn cause(&self) -> Option<String> {
        match self {
            Self::Waiting(cause) | Self::Ended(Outcome::Failed { cause }) => {
                serde_json::to_string(cause).ok()
            }
            Self::Ended(Outcome::Skipped { why }) => serde_json::to_string(why).ok(),
            Self::Queued
            | Self::Running
            | Self::Staged(_)
            | Self::Ended(Outcome::Copied { .. } | Outcome::UpToDate { .. }) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_row_by_row() {
        assert_eq!(placeholders(2, 2, 3), "($2, $3, $4), ($5, $6, $7)");
    }

    #[test]
    fn rows_are_written_in_few_sizes_and_all_of_them() {
        let rows = [(); 300];
        let mut rest = &rows[..];
        let mut sizes = Vec::new();
        while let Some((chunk, left)) = split(rest) {
            sizes.push(chunk.len());
            rest = left;
        }
        assert_eq!(sizes, [128, 128, 32, 8, 4]);
    }
}

//! The journal as its users see it: batches created, listed, found, loaded and resumed.
//!
//! Decides which batch a name means and what a resumed run starts from. Invariant: only a [`Recorder`] changes a
//! batch, and it has the batch's lock.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

use jiff::Timestamp;
use sqlx::{AnyConnection, Connection as _, Row as _};

use super::{
    BatchState, JournalError, JournalLocation, Obstacle, Owner, Recorder, Stored, batch_id,
    batch_lock, pending_changes::PendingChanges, retry, rows, schema,
};
use crate::{
    batch::{BatchId, StateCounts},
    oci::Digest,
};

/// Where batches are stored. Cheap: it connects for each query.
#[derive(Clone)]
pub struct Journal {
    pub(super) location: JournalLocation,
    /// Called when a query has to wait for the journal.
    on_wait: Arc<dyn Fn(Obstacle) + Send + Sync>,
}

/// What a batch is made from.
#[derive(Clone, Debug)]
pub struct NewBatch {
    /// The list as the operator named it.
    pub list_path: PathBuf,
    pub list_text: String,
    /// The options of the run; stored as it is.
    pub settings: String,
}

/// A batch, for a table of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchSummary {
    pub id: BatchId,
    pub list_path: PathBuf,
    pub list_digest: Digest,
    pub created: Timestamp,
    /// When its state changed last: when its last run started, or ended.
    pub changed: Timestamp,
    pub state: BatchState,
    pub jobs: StateCounts,
    /// The process that runs it now. A batch whose state is running and that has none was killed.
    pub owner: Option<Owner>,
}

impl BatchSummary {
    /// Whether its images were listed and all of them ended, so that resuming has nothing to do.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let jobs = self.jobs;
        let open = jobs.queued + jobs.running + jobs.waiting;
        // Staged images wait for those of their groups that failed.
        let is_staged = jobs.staged > 0 && jobs.failed == 0;
        jobs != StateCounts::default() && open == 0 && !is_staged
    }
}

impl Journal {
    /// The journal at a location; does not connect.
    #[must_use]
    pub fn at(location: JournalLocation) -> Self {
        Self {
            location,
            on_wait: Arc::new(|_| {}),
        }
    }

    /// Calls `on_wait` when a query waits for longer than some seconds.
    #[must_use]
    pub fn on_wait(self, on_wait: impl Fn(Obstacle) + Send + Sync + 'static) -> Self {
        Self {
            on_wait: Arc::new(on_wait),
            ..self
        }
    }

    /// Opens the journal, making it when there is none.
    ///
    /// # Errors
    /// When the location cannot be used, or was written by a newer version of this program.
    pub async fn open(location: JournalLocation) -> Result<Self, JournalError> {
        Self::at(location).make().await
    }

    /// As [`Journal::open`].
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub async fn make(self) -> Result<Self, JournalError> {
        let location = &self.location;
        self.persist(|| async move {
            let (mut connection, _lock) = location.connect_alone().await?;
            schema::make(&mut connection, location).await
        })
        .await?;
        Ok(self)
    }

    /// The journal if there is one; nothing is made.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub async fn existing(self) -> Result<Option<Self>, JournalError> {
        match self.persist(|| schema::exists(&self.location)).await? {
            true => Ok(Some(self.make().await?)),
            false => Ok(None),
        }
    }

    /// Creates a batch and locks it for this process.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn start(&self, batch: &NewBatch) -> Result<Recorder, JournalError> {
        self.persist(|| async move {
            let mut connection = self.location.connect().await?;
            loop {
                let made = Timestamp::now();
                let id = batch_id::name(made, &batch.list_path, rand::random());
                let lock = match batch_lock::lock(&self.location, &mut connection, &id).await {
                    Ok(lock) => lock,
                    // The name is taken.
                    Err(JournalError::Held { .. }) => continue,
                    Err(error) => return Err(error),
                };
                match insert(&mut connection, &id, made, batch).await {
                    Ok(true) => {
                        let (location, pending) =
                            (self.location.clone(), PendingChanges::default());
                        return Ok(Recorder::start(location, connection, lock, id, pending));
                    }
                    Ok(false) => {}
                    Err(error) => {
                        batch_lock::forget(&self.location, &id);
                        return Err(JournalError::write(error));
                    }
                }
            }
        })
        .await
    }

    /// Locks a batch for this process and loads it. Jobs that ran or waited are queued again.
    ///
    /// # Errors
    /// [`JournalError::Held`] when another process runs it; when there is no such batch, or the journal cannot
    /// be read or written.
    pub async fn resume(&self, batch: &BatchId) -> Result<(Recorder, Stored), JournalError> {
        self.persist(|| self.try_resume(batch)).await
    }

    async fn try_resume(&self, batch: &BatchId) -> Result<(Recorder, Stored), JournalError> {
        let mut connection = self.location.connect().await?;
        // Before locking, so that an unknown name leaves no lock file.
        read_list(&mut connection, batch).await?;
        let lock = batch_lock::acquire(&self.location, &mut connection, batch).await?;
        // Again: another process may have changed or deleted it before it was locked.
        let list = read_list(&mut connection, batch).await?;
        sqlx::query(
            "UPDATE jobs SET state = 'queued', cause = NULL \
             WHERE batch = $1 AND state IN ('running', 'waiting')",
        )
        .bind(&*batch.0)
        .execute(&mut connection)
        .await
        .map_err(JournalError::write)?;
        let stored = read_rest(&mut connection, list).await?;
        let pending = PendingChanges::of(&stored.jobs);
        let recorder = Recorder::start(
            self.location.clone(),
            connection,
            lock,
            batch.clone(),
            pending,
        );
        Ok((recorder, stored))
    }

    /// Loads a batch without locking it.
    ///
    /// # Errors
    /// When there is no such batch, or it cannot be read.
    pub async fn load(&self, batch: &BatchId) -> Result<Stored, JournalError> {
        self.persist(|| async move {
            let mut connection = self.location.connect().await?;
            let list = read_list(&mut connection, batch).await?;
            read_rest(&mut connection, list).await
        })
        .await
    }

    /// As [`Journal::load`], without blobs.
    ///
    /// # Errors
    /// As [`Journal::load`].
    pub async fn load_jobs(&self, batch: &BatchId) -> Result<Stored, JournalError> {
        self.persist(|| async move {
            let mut connection = self.location.connect().await?;
            let list = read_list(&mut connection, batch).await?;
            Ok(Stored {
                jobs: rows::read_jobs(&mut connection, batch).await?,
                ..list
            })
        })
        .await
    }

    /// As [`Journal::load`], without jobs and blobs.
    ///
    /// # Errors
    /// As [`Journal::load`].
    pub async fn load_list(&self, batch: &BatchId) -> Result<Stored, JournalError> {
        self.persist(|| async move {
            let mut connection = self.location.connect().await?;
            read_list(&mut connection, batch).await
        })
        .await
    }

    /// All batches, the newest first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn batches(&self) -> Result<Vec<BatchSummary>, JournalError> {
        self.persist(|| self.read_batches()).await
    }

    async fn read_batches(&self) -> Result<Vec<BatchSummary>, JournalError> {
        let mut connection = self.location.connect().await?;
        let mut owners: BTreeMap<BatchId, Owner> =
            batch_lock::owners(&self.location, &mut connection)
                .await?
                .into_iter()
                .collect();
        let mut counts = count_jobs(&mut connection)
            .await
            .map_err(JournalError::read)?;
        let rows = sqlx::query(
            "SELECT id, list_path, list_digest, created, changed, state FROM batches \
             ORDER BY created DESC, id",
        )
        .fetch_all(&mut connection)
        .await
        .map_err(JournalError::read)?;
        rows.iter()
            .map(|row| {
                let id = BatchId(row.get::<&str, _>("id").into());
                let damaged = |column: &str| JournalError::Damaged {
                    batch: id.clone(),
                    what: format!("its column {column} cannot be read"),
                };
                Ok(BatchSummary {
                    list_path: row.get::<&str, _>("list_path").into(),
                    list_digest: (row.get::<&str, _>("list_digest").parse())
                        .map_err(|_| damaged("list_digest"))?,
                    created: (row.get::<&str, _>("created").parse())
                        .map_err(|_| damaged("created"))?,
                    changed: (row.get::<&str, _>("changed").parse())
                        .map_err(|_| damaged("changed"))?,
                    state: BatchState::parse(row.get("state")).ok_or_else(|| damaged("state"))?,
                    jobs: counts.remove(&id).unwrap_or_default(),
                    owner: owners.remove(&id),
                    id,
                })
            })
            .collect()
    }

    /// The batch with this name, or the only one whose name contains it.
    ///
    /// # Errors
    /// When no batch or more than one matches, or the journal cannot be read.
    pub async fn find(&self, name: &str) -> Result<BatchId, JournalError> {
        let ids: Vec<String> = self
            .persist(|| async move {
                let mut connection = self.location.connect().await?;
                sqlx::query_scalar("SELECT id FROM batches ORDER BY created DESC")
                    .fetch_all(&mut connection)
                    .await
                    .map_err(JournalError::read)
            })
            .await?;
        if ids.iter().any(|id| id == name) {
            return Ok(BatchId(name.into()));
        }
        let mut matches: Vec<BatchId> = ids
            .iter()
            .filter(|id| id.contains(name))
            .map(|id| BatchId(id.as_str().into()))
            .collect();
        match matches.len() {
            0 => Err(unknown(name)),
            1 => Ok(matches.remove(0)),
            _ => Err(JournalError::Ambiguous {
                name: name.into(),
                matches,
            }),
        }
    }

    pub(super) async fn persist<T, Attempt: Future<Output = Result<T, JournalError>>>(
        &self,
        attempt: impl FnMut() -> Attempt,
    ) -> Result<T, JournalError> {
        retry::persist(&*self.on_wait, attempt).await
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("place", &self.location)
            .finish_non_exhaustive()
    }
}

/// Inserts a batch and its owner, both or none. False when the id is taken.
async fn insert(
    connection: &mut AnyConnection,
    id: &BatchId,
    made: Timestamp,
    batch: &NewBatch,
) -> Result<bool, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let inserted = sqlx::query(
        "INSERT INTO batches \
         (id, list_path, list_digest, list_text, settings, created, changed, state) \
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(&*id.0)
    .bind(batch.list_path.to_string_lossy().into_owned())
    .bind(Digest::of(batch.list_text.as_bytes()).to_string())
    .bind(batch.list_text.as_str())
    .bind(batch.settings.as_str())
    .bind(rows::time(made))
    .bind(BatchState::Created.as_str())
    .execute(&mut *transaction)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(false);
    }
    batch_lock::record_owner(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(true)
}

pub(super) async fn read_list(
    connection: &mut AnyConnection,
    batch: &BatchId,
) -> Result<Stored, JournalError> {
    let row = sqlx::query("SELECT list_path, list_text, settings FROM batches WHERE id = $1")
        .bind(&*batch.0)
        .fetch_optional(connection)
        .await
        .map_err(JournalError::read)?
        .ok_or_else(|| unknown(&batch.0))?;
    Ok(Stored {
        batch: batch.clone(),
        list_path: row.get::<&str, _>("list_path").into(),
        list_text: row.get("list_text"),
        settings: row.get("settings"),
        jobs: Vec::new(),
        settled: Vec::new(),
    })
}

async fn read_rest(connection: &mut AnyConnection, list: Stored) -> Result<Stored, JournalError> {
    Ok(Stored {
        jobs: rows::read_jobs(connection, &list.batch).await?,
        settled: rows::read_settled(connection, &list.batch).await?,
        ..list
    })
}

async fn count_jobs(
    connection: &mut AnyConnection,
) -> Result<BTreeMap<BatchId, StateCounts>, sqlx::Error> {
    let rows = sqlx::query("SELECT batch, state, count(*) AS jobs FROM jobs GROUP BY batch, state")
        .fetch_all(connection)
        .await?;
    let mut counts = BTreeMap::<BatchId, StateCounts>::new();
    for row in rows {
        let batch = BatchId(row.get::<&str, _>("batch").into());
        let counts = counts.entry(batch).or_default();
        let jobs = usize::try_from(row.get::<i64, _>("jobs")).unwrap_or_default();
        match row.get("state") {
            "queued" => counts.queued = jobs,
            "running" => counts.running = jobs,
            "waiting" => counts.waiting = jobs,
            "staged" => counts.staged = jobs,
            "copied" => counts.copied = jobs,
            "up_to_date" => counts.up_to_date = jobs,
            "failed" => counts.failed = jobs,
            "skipped" => counts.skipped = jobs,
            "kept" => counts.kept = jobs,
            _ => {}
        }
    }
    Ok(counts)
}

fn unknown(name: &str) -> JournalError {
    JournalError::Unknown { name: name.into() }
}

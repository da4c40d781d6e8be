//! Deletes batches from the journal.
//!
//! Decides how, not which. Invariant: a batch that a process runs is not deleted, and a batch is deleted whole.

use sqlx::{AssertSqlSafe, Connection as _};

use super::{Journal, JournalError, JournalLocation, batch_lock};
use crate::batch::BatchId;

/// The batch itself last, so that no other row outlives it.
const TABLES: [(&str, &str); 4] = [
    ("jobs", "batch"),
    ("settled", "batch"),
    ("owners", "batch"),
    ("batches", "id"),
];

impl Journal {
    /// Deletes a batch; what it copied stays at the registries.
    ///
    /// # Errors
    /// [`JournalError::Held`] when a process runs it, [`JournalError::Unknown`] when there is none, or the
    /// journal cannot be written.
    pub async fn delete(&self, batch: &BatchId) -> Result<(), JournalError> {
        self.persist(|| self.try_delete(batch)).await
    }

    async fn try_delete(&self, batch: &BatchId) -> Result<(), JournalError> {
        let mut connection = self.location.connect().await?;
        // Before locking, so that an unknown name leaves no lock file.
        super::store::read_list(&mut connection, batch).await?;
        let lock = batch_lock::acquire(&self.location, &mut connection, batch).await?;
        let deleted = async {
            let mut transaction = connection.begin().await?;
            for (table, column) in TABLES {
                let delete = AssertSqlSafe(format!("DELETE FROM {table} WHERE {column} = $1"));
                sqlx::query(delete)
                    .bind(&*batch.0)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        };
        deleted.await.map_err(JournalError::write)?;
        batch_lock::forget(&self.location, batch);
        batch_lock::release(connection, batch, lock).await;
        Ok(())
    }

    /// Returns the space of deleted batches to the disk, unless a batch runs: SQLite reuses the space anyway.
    pub async fn compact(&self) -> Result<(), JournalError> {
        if let JournalLocation::Directory(_) = self.location {
            let mut connection = self.location.connect().await?;
            if batch_lock::owners(&self.location, &mut connection)
                .await?
                .is_empty()
            {
                let _ = sqlx::raw_sql("VACUUM").execute(&mut connection).await;
            }
        }
        Ok(())
    }
}

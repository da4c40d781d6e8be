//! Records how the images of a batch compared with their sources.
//!
//! Invariant: a batch that a process runs is not changed.

use super::{Journal, JournalError, Verification, batch_lock, rows};
use crate::batch::{BatchId, JobId};

impl Journal {
    /// Records how images of a batch compared with their sources.
    ///
    /// # Errors
    /// [`JournalError::Held`] when a process runs the batch; when the journal cannot be written.
    pub async fn record_verifications(
        &self,
        batch: &BatchId,
        verifications: &[(JobId, Verification)],
    ) -> Result<(), JournalError> {
        self.persist(|| async move {
            let mut connection = self.location.connect().await?;
            let lock = batch_lock::acquire(&self.location, &mut connection, batch).await?;
            let written = rows::write_verifications(&mut connection, batch, verifications).await;
            batch_lock::release(connection, batch, lock).await;
            written.map_err(JournalError::write)
        })
        .await
    }
}

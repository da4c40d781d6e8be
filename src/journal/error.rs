//! What can go wrong with a journal, said so that an operator knows what to do next.
//!
//! Invariant: no message holds a password; a PostgreSQL URL is printed without it.

use std::{fmt, io, path::PathBuf, sync::Arc, time::Duration};

use super::Owner;
use crate::batch::BatchId;

/// Messages fit after "failed to". Cheap to clone, because a lost journal is told to everyone who waits.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    #[error("use the state directory {path}")]
    Directory {
        path: PathBuf,
        #[source]
        cause: Arc<io::Error>,
    },
    #[error("open the journal at {location}")]
    Open {
        location: String,
        #[source]
        cause: Arc<sqlx::Error>,
    },
    #[error("open the journal at {location}: another program is opening it")]
    Opening { location: String },
    #[error(
        "use the journal at {location}: a newer transship wrote it (schema {found}, this one knows {known}); \
         update transship or choose another place with --state"
    )]
    NewerSchema {
        location: String,
        found: i64,
        known: i64,
    },
    #[error("read the journal")]
    Read(#[source] Arc<sqlx::Error>),
    #[error("write the journal")]
    Write(#[source] Arc<sqlx::Error>),
    #[error("take batch {batch}: {} runs it already", OrAnother(.by.as_ref()))]
    Held { batch: BatchId, by: Option<Owner> },
    #[error("find a batch named {name}")]
    Unknown { name: String },
    #[error("tell which batch {name} is: {} match", .matches.len())]
    Ambiguous { name: String, matches: Vec<BatchId> },
    #[error("read batch {batch}: {what}")]
    Damaged { batch: BatchId, what: String },
    /// The server has not noticed yet that the connection that held the batch is gone.
    #[error("take batch {batch} again: the server still knows the lost connection")]
    Lingering { batch: BatchId },
    #[error("use the journal within {} s", .waited.as_secs())]
    GaveUp {
        waited: Duration,
        #[source]
        cause: Box<JournalError>,
    },
    #[error("write the last results: it was not waited for any longer")]
    Abandoned,
    /// The writer ended without saying why.
    #[error("write the journal: its writer has stopped")]
    Stopped,
}

impl JournalError {
    /// The error with everything that led to it.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut chain = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            chain += &format!(": {cause}");
            source = cause.source();
        }
        chain
    }

    pub(super) fn read(cause: sqlx::Error) -> Self {
        Self::Read(Arc::new(cause))
    }

    pub(super) fn write(cause: sqlx::Error) -> Self {
        Self::Write(Arc::new(cause))
    }

    pub(super) fn directory(path: impl Into<PathBuf>, cause: io::Error) -> Self {
        Self::Directory {
            path: path.into(),
            cause: Arc::new(cause),
        }
    }
}

/// The holder, or "another process" when it has not written its name yet.
struct OrAnother<'a>(Option<&'a Owner>);

impl fmt::Display for OrAnother<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(owner) => owner.fmt(f),
            None => f.write_str("another process"),
        }
    }
}

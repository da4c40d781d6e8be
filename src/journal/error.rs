//! What can go wrong with a journal.
//!
//! Invariant: no message holds a password; a PostgreSQL URL is printed without it.

use std::{fmt, io, path::PathBuf, sync::Arc, time::Duration};

use super::Owner;
use crate::batch::BatchId;

/// Batches that an error names.
const MAX_NAMES: usize = 10;

/// Messages fit after "failed to". Cheap to clone: every waiter of a lost journal gets one.
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
    #[error("lock batch {batch}: {} runs it already", OrAnother(.by.as_ref()))]
    Held { batch: BatchId, by: Option<Owner> },
    #[error("find a batch named {name}")]
    Unknown { name: String },
    #[error("find one batch named {name}: {} match: {}", .matches.len(), Names(.matches))]
    Ambiguous { name: String, matches: Vec<BatchId> },
    #[error("read batch {batch}: {what}")]
    Damaged { batch: BatchId, what: String },
    /// The server has not noticed yet that the connection with the lock is gone.
    #[error("lock batch {batch} again: the server still has the lock of the lost connection")]
    Lingering { batch: BatchId },
    #[error("use the journal within {} s", .waited.as_secs())]
    GaveUp {
        waited: Duration,
        #[source]
        cause: Box<JournalError>,
    },
    #[error("write the last results before the program ended")]
    Abandoned,
    /// The writer ended without an error.
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

/// The first of some batches, and how many more there are.
struct Names<'a>(&'a [BatchId]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, rest) = self.0.split_at(self.0.len().min(MAX_NAMES));
        let names: Vec<&str> = shown.iter().map(|batch| &*batch.0).collect();
        f.write_str(&names.join(", "))?;
        match rest.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// The owner, or "another process" when it is not recorded yet.
struct OrAnother<'a>(Option<&'a Owner>);

impl fmt::Display for OrAnother<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(owner) => owner.fmt(f),
            None => f.write_str("another process"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ambiguous_name_lists_what_it_matches_up_to_a_limit() {
        let matches = |count| {
            (0..count)
                .map(|n| BatchId(format!("b{n}").into()))
                .collect()
        };
        let error = |count| JournalError::Ambiguous {
            name: "b".into(),
            matches: matches(count),
        };
        assert_eq!(
            error(2).to_string(),
            "find one batch named b: 2 match: b0, b1"
        );
        let many = error(12).to_string();
        assert!(many.starts_with("find one batch named b: 12 match: b0, "));
        assert!(many.ends_with(", b9 and 2 more"), "{many}");
    }
}

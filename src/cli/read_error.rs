//! The error of a command that reads one image or repository.
//!
//! Decides which errors of stores scripts tell apart. Invariant: it prints as a sentence, without control characters.

use super::exit::Unread;
use crate::{
    catalogue::CatalogueError,
    inspect::{Error, ErrorKind},
    oci::Store,
    present::sanitize,
};

#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
pub(super) struct ReadError {
    pub(super) why: Unread,
    sentence: String,
}

impl ReadError {
    pub(super) fn not_found(sentence: String) -> Self {
        Self {
            why: Unread::NotFound,
            sentence,
        }
    }
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        let advice = error.advice();
        let sentence = format!("failed to {}; {advice}", sanitize(&error.to_string()));
        let why = match error.kind {
            ErrorKind::NotFound => Unread::NotFound,
            ErrorKind::Transient | ErrorKind::Unreachable => Unread::Unreachable,
            ErrorKind::Auth => Unread::Denied,
            ErrorKind::NoCatalog
            | ErrorKind::Rejected
            | ErrorKind::Protocol
            | ErrorKind::Malformed
            | ErrorKind::Corrupt
            | ErrorKind::TooLarge
            | ErrorKind::Internal => Unread::Failed,
        };
        Self { why, sentence }
    }
}

impl From<CatalogueError> for ReadError {
    fn from(error: CatalogueError) -> Self {
        let why = match error {
            CatalogueError::Image(error) => return error.into(),
            CatalogueError::Registry(error) => {
                let store = Store::Registry(error.registry.clone());
                return Error::new(&store, error.into()).into();
            }
            CatalogueError::NothingBelow { .. } => Unread::NotFound,
            CatalogueError::Closed { .. }
            | CatalogueError::NoNamespace
            | CatalogueError::TooMany(_) => Unread::Failed,
        };
        Self {
            why,
            sentence: sanitize(&error.to_string()).into_owned(),
        }
    }
}

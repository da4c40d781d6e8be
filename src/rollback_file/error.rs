//! Why a rollback file cannot be used.
//!
//! Invariant: its text is a sentence without its end that names the file.

use std::{io, path::PathBuf, sync::Arc};

#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("{} exists already, and a new batch needs a rollback file of its own: choose another name", .0.display())]
    Exists(PathBuf),
    #[error("{} keeps the tags of batch {found}, not of {wanted}: choose another name", path.display())]
    OtherBatch {
        path: PathBuf,
        found: String,
        wanted: String,
    },
    #[error("cannot {verb} the rollback file {}: {cause}", path.display())]
    Io {
        verb: &'static str,
        path: PathBuf,
        cause: Arc<io::Error>,
    },
    #[error("{} is no rollback file: {problem}", path.display())]
    Invalid { path: PathBuf, problem: String },
    #[error("the rollback file {} is no longer written", .0.display())]
    Closed(PathBuf),
}

//! Why a tag was not put back.
//!
//! Invariant: its text is a sentence without its end, and fits after the tag and a colon.

use crate::{delete, oci::Digest, retag, transport};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] transport::Error),
    #[error(transparent)]
    Retag(#[from] retag::Error),
    #[error(transparent)]
    Delete(#[from] delete::Error),
    /// It was changed after the plan was made.
    #[error("{}", changed(.0.as_ref()))]
    Changed(Option<Digest>),
}

fn changed(now: Option<&Digest>) -> String {
    match now {
        Some(digest) => format!("names {digest} since a moment ago; left alone"),
        None => "is gone since a moment ago; left alone".into(),
    }
}

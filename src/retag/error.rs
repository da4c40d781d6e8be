//! Why an image gets no further tag.
//!
//! Invariant: its text is a sentence without its end.

use crate::{oci::Location, transport};

#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no {0}")]
    Missing(Location),
    #[error(transparent)]
    Store(#[from] transport::Error),
    /// This kind of store has no further names without content; the text says what to do instead.
    #[error("{0}")]
    Unsupported(&'static str),
}

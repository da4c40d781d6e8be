//! An error of any layer as a sentence for the operator.
//!
//! Invariant: the text has no control character.

use crate::{
    journal::JournalError,
    present,
    serve::{HtpasswdError, ServeError, TlsError},
};

/// The error as a sentence. Errors of the layers fit after "failed to"; those made in `cli` are sentences.
pub(super) fn sentence(error: &anyhow::Error) -> String {
    let outermost = error.chain().next();
    let of_a_layer = outermost.is_some_and(|error| {
        error.is::<JournalError>()
            || error.is::<ServeError>()
            || error.is::<HtpasswdError>()
            || error.is::<TlsError>()
    });
    let before = if of_a_layer { "failed to " } else { "" };
    present::sanitize(&format!("{before}{error:#}")).into_owned()
}

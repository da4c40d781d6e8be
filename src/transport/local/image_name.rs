//! Which names an image can be written under.
//!
//! Invariant: a position names an image that is there, and none to be written.

use super::{LocalError, LocalErrorCause};
use crate::oci::{Store, StoredName};

/// The name of an image to be written.
///
/// # Errors
/// If it is a position.
pub(super) fn writable(
    name: Option<&StoredName>,
    store: &Store,
) -> Result<Option<StoredName>, LocalError> {
    match name {
        None => Ok(None),
        Some(StoredName::Name(name)) => Ok(Some(StoredName::Name(name.clone()))),
        Some(StoredName::Position(position)) => {
            let problem = format!(
                "@{position} is the position of an image that is there; an image to be written needs a name"
            );
            Err(LocalErrorCause::Refused(problem).at("write to", store))
        }
    }
}

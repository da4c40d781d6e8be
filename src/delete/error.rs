//! Why an image cannot be deleted.
//!
//! Invariant: its text is a sentence without its end, and fits after the image and a colon.

use crate::{batch::FailureClass, oci::Registry, registry, transport};

#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "{0} does not delete manifests; switch that on there (docker-registry: set \
         REGISTRY_STORAGE_DELETE_ENABLED=true and restart it), or delete with the registry's own tools"
    )]
    SwitchedOff(Registry),
    #[error("failed to {op}: {at} {0}", op = .0.operation, at = .0.registry)]
    Registry(#[from] registry::Error),
    /// A name like this cannot be looked up.
    #[error(
        "it has to be deleted by digest, and the repository has {0:?}, which is not a valid tag, so it is not known \
         what else would be deleted; use the registry's own tools"
    )]
    InvalidTag(String),
    #[error(transparent)]
    Local(transport::Error),
    /// This kind of store does not delete images; the text says what to do instead.
    #[error("{0}")]
    Unsupported(&'static str),
}

impl Error {
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Registry(error) => error.class(),
            Self::Local(error) => error.class(),
            Self::SwitchedOff(_) | Self::InvalidTag(_) | Self::Unsupported(_) => {
                FailureClass::Rejected
            }
        }
    }

    /// What a person can do about it, if the text does not say it.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match (self, self.class()) {
            _ if self.is_denied() => {
                Some("log in as a user who may delete there, with `transship login`")
            }
            (_, FailureClass::Transient { .. }) => Some("it may pass by itself: delete again"),
            (Self::Local(transport::Error::Local(error)), _) => Some(error.hint()),
            (
                _,
                FailureClass::Auth
                | FailureClass::NotFound
                | FailureClass::Rejected
                | FailureClass::Corrupt
                | FailureClass::Internal,
            ) => None,
        }
    }

    /// Whether the registry denies it to this user.
    fn is_denied(&self) -> bool {
        match self {
            // Some have another code than `DENIED`, and so another class.
            Self::Registry(error) => {
                error.class() == FailureClass::Auth || error.status() == Some(403)
            }
            Self::SwitchedOff(_) | Self::InvalidTag(_) | Self::Local(_) | Self::Unsupported(_) => {
                false
            }
        }
    }
}

//! Why a store could not be read or written.
//!
//! Invariant: its text reads after "source" or "destination".

use super::{LocalError, LocalErrorCause};
use crate::{
    batch::FailureClass,
    oci::{ConversionError, Digest, ManifestError, Registry, Store},
    registry::{self, ErrorCause, Operation, OverBudget, Refusal},
};

const READ_MANIFEST: &str = "read a manifest of";

#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Registry(#[from] registry::Error),
    #[error(transparent)]
    Local(#[from] LocalError),
    #[error("sent bytes that are not {digest}: {problem}")]
    Corrupt { digest: Digest, problem: String },
    #[error("has an image that cannot be converted: {0}")]
    Unconvertible(String),
    #[error("has {got} bytes instead of {size} as blob {digest}, even after it was uploaded again")]
    Damaged { digest: Digest, size: u64, got: u64 },
}

impl Error {
    /// The class alone decides about retry.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Registry(error) => error.class(),
            Self::Local(error) => error.class(),
            Self::Corrupt { .. } | Self::Damaged { .. } => FailureClass::Corrupt,
            Self::Unconvertible(_) => FailureClass::Rejected,
        }
    }

    #[must_use]
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Registry(error) => error.is_not_found(),
            Self::Local(error) => error.class() == FailureClass::NotFound,
            Self::Corrupt { .. } | Self::Damaged { .. } | Self::Unconvertible(_) => false,
        }
    }

    /// An image of `store` exceeds what is read for one image.
    #[must_use]
    pub fn over_budget(store: &Store, over: OverBudget) -> Self {
        match store {
            Store::Registry(registry) => unreadable_at(registry, over.into()),
            Store::Local(store) => LocalErrorCause::from(over).at(READ_MANIFEST, store).into(),
        }
    }

    /// An image of `store` that cannot be converted.
    #[must_use]
    pub fn unconvertible(store: &Store, error: ConversionError) -> Self {
        match error {
            ConversionError::Manifest(error) => Self::unreadable(store, error),
            error @ ConversionError::NoEquivalent(_) => Self::Unconvertible(error.to_string()),
        }
    }

    /// A manifest of `store` that cannot be copied.
    #[must_use]
    pub fn unreadable(store: &Store, error: ManifestError) -> Self {
        match store {
            Store::Registry(registry) => unreadable_at(registry, error.into()),
            Store::Local(store) => LocalErrorCause::from(error).at(READ_MANIFEST, store).into(),
        }
    }

    /// The error of a registry.
    #[must_use]
    pub fn registry(&self) -> Option<&registry::Error> {
        match self {
            Self::Registry(error) => Some(error),
            Self::Local(_)
            | Self::Corrupt { .. }
            | Self::Damaged { .. }
            | Self::Unconvertible(_) => None,
        }
    }

    /// Why a manifest cannot be copied, if that is the error.
    #[must_use]
    pub fn manifest_problem(&self) -> Option<&ManifestError> {
        match self {
            Self::Registry(error) => match &*error.cause {
                ErrorCause::Manifest(problem) => Some(problem),
                _ => None,
            },
            Self::Local(error) => match &*error.cause {
                LocalErrorCause::Manifest(problem) => Some(problem),
                _ => None,
            },
            Self::Corrupt { .. } | Self::Damaged { .. } | Self::Unconvertible(_) => None,
        }
    }

    /// The status that a registry answered.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.registry().and_then(registry::Error::status)
    }

    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        self.registry().and_then(registry::Error::refusal)
    }
}

fn unreadable_at(registry: &Registry, cause: ErrorCause) -> Error {
    Error::Registry(registry::Error {
        operation: Operation::GetManifest,
        registry: registry.clone(),
        url: None,
        cause: Box::new(cause),
    })
}

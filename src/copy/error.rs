//! What ended a copy: whose fault, and what that side said.

use crate::{
    oci::Digest,
    registry::{self, Class},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Source,
    Destination,
}

#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("{error}")]
    Registry { side: Side, error: registry::Error },
    #[error("sent bytes that are not {digest}: {problem}")]
    Corrupt { digest: Digest, problem: String },
    #[error("has no platform that was asked for; it has {}", .available.join(", "))]
    NoPlatform { available: Vec<String> },
    #[error("has indexes nested more than {0} deep")]
    TooDeep(usize),
}

impl CopyError {
    #[must_use]
    pub fn side(&self) -> Side {
        match self {
            Self::Registry { side, .. } => *side,
            Self::Corrupt { .. } | Self::NoPlatform { .. } | Self::TooDeep(_) => Side::Source,
        }
    }

    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Registry { error, .. } => error.class(),
            Self::Corrupt { .. } => Class::Corrupt,
            Self::NoPlatform { .. } => Class::NotFound,
            Self::TooDeep(_) => Class::Rejected,
        }
    }

    /// What was being done and where, outermost first.
    #[must_use]
    pub fn chain(&self) -> Vec<String> {
        match self {
            Self::Registry { error, .. } => {
                let place = error
                    .url
                    .clone()
                    .unwrap_or_else(|| error.registry.to_string());
                vec![
                    format!("failed to {}", error.operation),
                    place,
                    error.cause.to_string(),
                ]
            }
            Self::Corrupt { .. } | Self::NoPlatform { .. } | Self::TooDeep(_) => {
                vec![self.to_string()]
            }
        }
    }
}

/// Blames `side` for a registry error.
pub(super) fn blame(side: Side) -> impl Fn(registry::Error) -> CopyError {
    move |error| CopyError::Registry { side, error }
}

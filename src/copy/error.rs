//! Why a copy failed.
//!
//! Decides which side failed, whether that may pass, and what the operator reads. Invariant: text that a registry sent is
//! kept as it is; whoever shows it sanitizes it.

use crate::{
    batch::{Failure, FailureClass, Side},
    oci::{Digest, OnExisting},
    registry::{self, Refusal},
    rollback_file,
    transport::{Error, PutBlobError},
};

use super::CreateFailure;

#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("{error}")]
    Store { side: Side, error: Error },
    #[error("has none of the selected platforms; it has {}", .available.join(", "))]
    NoPlatform { available: Vec<String> },
    #[error("does not have {child}, which is in its own index")]
    Incomplete { child: Digest, error: Error },
    #[error("has {there} under {version}, which is immutable, so {wanted} cannot replace it")]
    Conflict {
        version: String,
        there: Digest,
        wanted: Digest,
    },
    #[error("has {there} under {version}, and {rule} does not replace it", rule = rule(.on_existing))]
    Existing {
        version: String,
        there: Digest,
        on_existing: OnExisting,
    },
    #[error("refuses to say whether it has {version}, so {rule} cannot be applied: {error}", rule = rule(.on_existing))]
    Hidden {
        version: String,
        on_existing: OnExisting,
        error: Error,
    },
    #[error("failed to create {}: {} {}", .0.repository, .0.program, .0.problem)]
    Create(CreateFailure),
    #[error("its tag is not written, because what it names now could not be kept: {0}")]
    NotKept(rollback_file::Error),
    #[error("has manifests nested more than {0} deep")]
    TooDeep(usize),
    #[error("has no signature of {digest} by {keys}: {found}", found = found(.refused))]
    Unsigned {
        digest: Digest,
        /// The files of the keys of which one had to sign.
        keys: String,
        /// Why each signature that was found does not count.
        refused: Vec<String>,
    },
    #[error("has {digest}, which the policy refuses ({entry}): {reason}", reason = first(.reasons))]
    RefusedByPolicy {
        digest: Digest,
        /// The entry of the policy that holds for the image.
        entry: String,
        reasons: Vec<String>,
    },
    #[error("has signatures that cannot be read: {url}: {problem}")]
    SignatureStorage {
        url: String,
        problem: String,
        class: FailureClass,
    },
    /// The destination's format cannot hold the image.
    #[error("{0}")]
    Unsupported(String),
}

impl CopyError {
    #[must_use]
    pub fn side(&self) -> Side {
        match self {
            Self::Store { side, .. } => *side,
            Self::NoPlatform { .. }
            | Self::Incomplete { .. }
            | Self::TooDeep(_)
            | Self::Unsigned { .. }
            | Self::RefusedByPolicy { .. }
            | Self::SignatureStorage { .. } => Side::Source,
            Self::Conflict { .. }
            | Self::Unsupported(_)
            | Self::Existing { .. }
            | Self::Hidden { .. } => Side::Destination,
            Self::Create(_) | Self::NotKept(_) => Side::Local,
        }
    }

    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Store { error, .. } | Self::Hidden { error, .. } => error.class(),
            Self::NoPlatform { .. } | Self::Incomplete { .. } => FailureClass::NotFound,
            Self::Conflict { .. }
            | Self::Existing { .. }
            | Self::Unsupported(_)
            | Self::Unsigned { .. }
            | Self::RefusedByPolicy { .. }
            | Self::TooDeep(_) => FailureClass::Rejected,
            Self::SignatureStorage { class, .. } => *class,
            Self::Create(_) | Self::NotKept(_) => FailureClass::Internal,
        }
    }

    /// The failed operation, its URL and the cause, outermost first, and then `hint: ` with what to do, if that is known.
    #[must_use]
    pub fn chain(&self) -> Vec<String> {
        let mut chain = match self {
            Self::Store { error, .. } => steps(error),
            Self::Incomplete { error, .. } | Self::Hidden { error, .. } => {
                let mut chain = vec![self.to_string()];
                chain.extend(steps(error));
                chain
            }
            Self::Create(failure) => {
                let mut chain = vec![self.to_string()];
                chain.extend(failure.stderr.iter().cloned());
                chain
            }
            Self::Unsigned { refused, .. } => {
                let mut chain = vec![self.to_string()];
                chain.extend(refused.iter().cloned());
                chain
            }
            Self::RefusedByPolicy { reasons, .. } => {
                let mut chain = vec![self.to_string()];
                chain.extend(reasons.iter().cloned());
                chain
            }
            Self::NoPlatform { .. }
            | Self::SignatureStorage { .. }
            | Self::Unsupported(_)
            | Self::Conflict { .. }
            | Self::Existing { .. }
            | Self::NotKept(_)
            | Self::TooDeep(_) => vec![self.to_string()],
        };
        chain.extend(self.hint().map(|hint| format!("hint: {hint}")));
        chain
    }

    /// The destination's refusal, if that ended the copy.
    pub(super) fn refused(&self) -> Option<Refusal> {
        match self {
            Self::Store {
                side: Side::Destination,
                error,
            } => error.refusal(),
            _ => None,
        }
    }
}

impl From<&CopyError> for Failure {
    fn from(error: &CopyError) -> Self {
        Self {
            side: error.side(),
            class: error.class(),
            summary: error.to_string(),
            chain: error.chain(),
        }
    }
}

/// How many signatures were found.
fn found(refused: &[String]) -> String {
    match refused {
        [] => "it is not signed with cosign at all".into(),
        [one] => format!("what was found does not count: {one}"),
        several => format!("{} were found, and none counts", several.len()),
    }
}

/// The first reason, and how many there are.
fn first(reasons: &[String]) -> String {
    match reasons {
        [] => "no requirement holds".into(),
        [one] => one.clone(),
        [one, ..] => format!("{one} (and {} more)", reasons.len() - 1),
    }
}

fn rule(on_existing: &OnExisting) -> String {
    format!("`on-existing = \"{on_existing}\"`")
}

fn steps(error: &Error) -> Vec<String> {
    match error {
        Error::Registry(error) => registry_steps(error),
        Error::Local(error) => vec![
            format!("failed to {}", error.operation),
            error.place.clone(),
            error.cause.to_string(),
        ],
        Error::Corrupt { .. } | Error::Damaged { .. } | Error::Unconvertible(_) => {
            vec![error.to_string()]
        }
    }
}

fn registry_steps(error: &registry::Error) -> Vec<String> {
    let location = error
        .url
        .clone()
        .unwrap_or_else(|| error.registry.to_string());
    vec![
        format!("failed to {}", error.operation),
        location,
        error.cause.to_string(),
    ]
}

impl From<PutBlobError> for CopyError {
    fn from(PutBlobError { side, error }: PutBlobError) -> Self {
        Self::Store { side, error }
    }
}

/// Blames `side` for an error of its store.
pub(super) fn blame<E: Into<Error>>(side: Side) -> impl Fn(E) -> CopyError {
    move |error| CopyError::Store {
        side,
        error: error.into(),
    }
}

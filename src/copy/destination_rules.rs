//! Decides which refusals are rules of the destination about one manifest or tag.

use super::CopyError;
use crate::{
    registry::{ErrorCause, Refusal},
    transport::Error,
};

/// Whether the destination refuses this one manifest or tag for good, and accepts others.
pub(super) fn is_refused_by_rule(error: &CopyError) -> bool {
    match error {
        CopyError::Conflict { .. } => true,
        CopyError::Store {
            error: Error::Registry(error),
            ..
        } if matches!(*error.cause, ErrorCause::FallbackTaken(_)) => true,
        _ => matches!(
            error.refused(),
            Some(
                Refusal::UnsupportedContent
                    | Refusal::NoMediaType
                    | Refusal::TooLarge
                    | Refusal::UnsupportedDigest
                    | Refusal::Policy
                    | Refusal::ImmutableTag
            )
        ),
    }
}

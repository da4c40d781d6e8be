//! Which refusals are rules of the destination.

use super::CopyError;
use crate::registry::{ErrorCause, Refusal};

/// Whether the destination's rules exclude this one manifest or tag for good, and nothing else.
pub(super) fn is_refused_by_rule(error: &CopyError) -> bool {
    match error {
        CopyError::Conflict { .. } => true,
        CopyError::Registry { error, .. }
            if matches!(*error.cause, ErrorCause::FallbackTaken(_)) =>
        {
            true
        }
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

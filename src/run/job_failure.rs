//! A copy's error as the fact that travels: side, class, sentence, chain.

use crate::{
    batch::{Failure, FailureClass},
    copy::CopyError,
    registry,
};

impl From<&CopyError> for Failure {
    fn from(error: &CopyError) -> Self {
        Self {
            side: error.side(),
            class: match error.class() {
                registry::FailureClass::Transient { retry_after } => FailureClass::Transient {
                    retry_after_ms: retry_after.map(Into::into),
                },
                registry::FailureClass::Auth => FailureClass::Auth,
                registry::FailureClass::NotFound => FailureClass::NotFound,
                registry::FailureClass::Rejected => FailureClass::Rejected,
                registry::FailureClass::Corrupt => FailureClass::Corrupt,
                registry::FailureClass::Internal => FailureClass::Internal,
            },
            summary: error.to_string(),
            chain: error.chain(),
        }
    }
}

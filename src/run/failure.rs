//! A copy's error as the fact that travels: side, class, sentence, chain.

use crate::{
    batch::{Failure, FailureClass, Side},
    copy::{CopyError, Side as CopySide},
    registry::Class,
};

impl From<&CopyError> for Failure {
    fn from(error: &CopyError) -> Self {
        Self {
            side: match error.side() {
                CopySide::Source => Side::Source,
                CopySide::Destination => Side::Destination,
                CopySide::Local => Side::Local,
            },
            class: match error.class() {
                Class::Transient { retry_after } => FailureClass::Transient {
                    retry_after_ms: retry_after.map(Into::into),
                },
                Class::Auth => FailureClass::Auth,
                Class::NotFound => FailureClass::NotFound,
                Class::Rejected => FailureClass::Rejected,
                Class::Corrupt => FailureClass::Corrupt,
                Class::Internal => FailureClass::Internal,
            },
            summary: error.to_string(),
            chain: error.chain(),
        }
    }
}

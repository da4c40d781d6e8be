//! How an image compared with its source, as the last comparison found it.
//!
//! Decides what is kept of a comparison. Invariant: it is small, however many differences there are.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Differences that are kept of one image.
const MAX_DIFFERENCES: usize = 10;

/// The result of comparing one image with its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    pub at: Timestamp,
    /// What was compared: `digests`, `content` or `bytes`.
    pub depth: String,
    /// Each as a sentence; the first ones, if there are many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<String>,
    /// Why it could not be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Verification {
    #[must_use]
    pub fn new(at: Timestamp, depth: &str, compared: Result<Vec<String>, String>) -> Self {
        let (mut differences, error) = match compared {
            Ok(differences) => (differences, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        differences.truncate(MAX_DIFFERENCES);
        Self {
            at,
            depth: depth.into(),
            differences,
            error,
        }
    }

    /// Whether it was compared and is equal.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.error.is_none() && self.differences.is_empty()
    }
}

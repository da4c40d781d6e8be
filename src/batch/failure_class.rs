//! Why an attempt failed: side, class, cause.
//!
//! The class alone decides whether another attempt follows.
//!
//! Invariant: a failure holds no secret; URLs are redacted before it is made.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Millis;

/// Who is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Source,
    Destination,
    /// This machine: its disk, its configuration, this program.
    Local,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "class", rename_all = "snake_case")]
pub enum FailureClass {
    /// May go away by itself: network, 5xx, 429.
    Transient {
        /// How long the registry asked to wait.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<Millis>,
    },
    /// The credentials are missing, wrong or not enough.
    Auth,
    NotFound,
    /// The registry understood and refuses: policy, quota, immutable tag, unsupported content.
    Rejected,
    /// The content is not what its digest says.
    Corrupt,
    /// A mistake of this program or this machine.
    Internal,
}

/// Why an attempt ended without the image where it should be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Failure {
    pub side: Side,
    #[serde(flatten)]
    pub class: FailureClass,
    /// One line that reads after "source" or "destination": what that side answered or did.
    pub summary: String,
    /// What was being done, outermost first, down to the root cause; after it, behind `hint: `, what can be
    /// done about it, where that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
}

impl Failure {
    /// The chain without the hint.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        match (self.hint(), self.chain.split_last()) {
            (Some(_), Some((_, causes))) => causes,
            _ => &self.chain,
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.chain.last()?.strip_prefix("hint: ")
    }
}

impl FailureClass {
    /// Its name in tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Transient { .. } => "transient",
            Self::Auth => "auth",
            Self::NotFound => "not found",
            Self::Rejected => "rejected",
            Self::Corrupt => "corrupt",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Destination => "destination",
            Self::Local => "local",
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.side, self.summary)
    }
}

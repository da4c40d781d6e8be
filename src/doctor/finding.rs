//! What a check found.
//!
//! Invariant: every finding that is not good says what to do.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    pub check: Check,
    pub status: Status,
    /// A phrase: what was found.
    pub detail: String,
    /// What to do; absent if all is well.
    pub advice: Option<String>,
    /// What `detail` says in words, as a number.
    pub measured: Option<Measured>,
}

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    Address,
    Connection,
    Tls,
    Clock,
    Software,
    RoundTrip,
    Credentials,
    Catalogue,
    Pull,
    Download,
    Push,
    Upload,
    Chunks,
    Mount,
    Referrers,
    Delete,
    TagChange,
    Cleanup,
    FreeSpace,
}

/// How a check ended, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Good,
    /// A migration works all the same.
    Note,
    /// A migration works, but less well, or not for long.
    Warning,
    /// A migration fails.
    Bad,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    Milliseconds(u64),
    /// Negative: the registry's clock is behind.
    SecondsAhead(i64),
    /// Negative: since then.
    DaysLeft(i64),
    BytesPerSecond(u64),
    Bytes(u64),
}

impl Check {
    /// Its name in tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Connection => "connection",
            Self::Tls => "TLS",
            Self::Clock => "clock",
            Self::Software => "software",
            Self::RoundTrip => "round trip",
            Self::Credentials => "credentials",
            Self::Catalogue => "catalogue",
            Self::Pull => "pull",
            Self::Download => "download",
            Self::Push => "push",
            Self::Upload => "upload",
            Self::Chunks => "chunks",
            Self::Mount => "mount",
            Self::Referrers => "referrers",
            Self::Delete => "delete",
            Self::TagChange => "tag change",
            Self::Cleanup => "cleanup",
            Self::FreeSpace => "free space",
        }
    }
}

impl Finding {
    pub(super) fn good(check: Check, detail: impl Into<String>) -> Self {
        Self {
            check,
            status: Status::Good,
            detail: detail.into(),
            advice: None,
            measured: None,
        }
    }

    pub(super) fn note(check: Check, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::advised(Status::Note, check, detail.into(), advice.into())
    }

    pub(super) fn warning(
        check: Check,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::advised(Status::Warning, check, detail.into(), advice.into())
    }

    pub(super) fn bad(check: Check, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::advised(Status::Bad, check, detail.into(), advice.into())
    }

    fn advised(status: Status, check: Check, detail: String, advice: String) -> Self {
        Self {
            check,
            status,
            detail,
            advice: Some(advice),
            measured: None,
        }
    }

    pub(super) fn measured(self, measured: Measured) -> Self {
        Self {
            measured: Some(measured),
            ..self
        }
    }
}

/// The findings so far. They stay when a check is interrupted.
#[derive(Debug, Default)]
pub(super) struct Findings(Mutex<Vec<Finding>>);

impl Findings {
    pub(super) fn add(&self, finding: Finding) {
        (self.0.lock().unwrap_or_else(PoisonError::into_inner)).push(finding);
    }

    pub(super) fn into_inner(self) -> Vec<Finding> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

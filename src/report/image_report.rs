//! One image of a report.

use crate::{
    batch::{Failure, Outcome, SkipReason},
    journal::{Figures, StoredJob, Verification},
    oci::{Digest, Location},
    present,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Copied,
    UpToDate,
    Failed,
    Skipped,
    /// Skipped because the destination tag names another image.
    Kept,
    /// Its content is at the destination; its tag waits for the rest of its group.
    Staged,
    /// Not ended.
    Left,
}

#[derive(Clone, Debug)]
pub struct ImageReport {
    pub source: Location,
    pub destination: Location,
    pub status: Status,
    /// The digest of what was copied, or was there already.
    pub digest: Option<Digest>,
    pub attempts: u16,
    /// Absent before the first attempt, and unknown in batches of older versions.
    pub figures: Option<Figures>,
    pub verified: Option<Verification>,
    /// Of a failed image.
    pub failure: Option<Failure>,
}

impl Status {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Copied => "copied",
            Self::UpToDate => "up to date",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Kept => "kept",
            Self::Staged => "staged",
            Self::Left => "left",
        }
    }
}

impl ImageReport {
    pub(super) fn of(stored: StoredJob) -> Self {
        let (status, digest, failure) = match stored.outcome {
            None => match stored.staged {
                Some(root) => (Status::Staged, Some(root), None),
                None => (Status::Left, None, None),
            },
            Some(Outcome::Copied { root }) => (Status::Copied, Some(root), None),
            Some(Outcome::UpToDate { root }) => (Status::UpToDate, Some(root), None),
            Some(Outcome::Failed { cause }) => (Status::Failed, None, Some(cause)),
            Some(Outcome::Skipped { why }) => match why {
                SkipReason::User => (Status::Skipped, None, None),
                SkipReason::Kept { .. } => (Status::Kept, None, None),
            },
        };
        Self {
            source: stored.job.spec.source,
            destination: stored.job.spec.destination,
            status,
            digest,
            attempts: stored.attempt.0,
            figures: stored.figures,
            verified: stored.verified,
            failure,
        }
    }

    /// What its last comparison found: `equal`, the differences, or why there is none; absent if it was not compared.
    pub(super) fn verified(&self) -> Option<String> {
        let verified = self.verified.as_ref()?;
        Some(match &verified.error {
            Some(error) => format!("could not be compared: {}", present::sanitize(error)),
            None if verified.is_equal() => "equal".into(),
            None => {
                let differences = verified.differences.iter();
                let differences = differences.map(|difference| present::sanitize(difference));
                differences.collect::<Vec<_>>().join("; ")
            }
        })
    }
}

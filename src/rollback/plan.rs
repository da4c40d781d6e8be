//! What will be done with each tag.
//!
//! Decides nothing. Invariant: every tag of the file is in the plan once.

use super::Error;
use crate::{oci::Digest, rollback_file::TagHistory};

/// The tags of a rollback file, looked up. Nothing is changed yet.
#[derive(Debug)]
pub struct Plan {
    pub tags: Vec<PlannedTag>,
}

#[derive(Debug)]
pub struct PlannedTag {
    pub history: TagHistory,
    pub step: Step,
}

#[derive(Debug)]
pub enum Step {
    /// The tag names this manifest again, which is still in its repository.
    Restore(Digest),
    /// The tag did not exist, and its registry deletes tags alone.
    Delete,
    /// The tag is as it was before the batch.
    Done,
    Leave(WhyLeft),
    /// The tag could not be looked up.
    Unknown(Error),
}

/// Why a tag stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyLeft {
    /// It names neither what the batch wrote nor what it named before; `None` if it is gone.
    Changed(Option<Digest>),
    /// The manifest that it named before is no longer there.
    ManifestGone(Digest),
    /// It did not exist, and its registry does not delete tags alone.
    NoTagDeletion,
    /// The registry did not say what it named before.
    BeforeUnknown,
}

impl Plan {
    /// The tags that will change.
    pub fn changes(&self) -> impl Iterator<Item = &PlannedTag> {
        let changes = |tag: &&PlannedTag| matches!(tag.step, Step::Restore(_) | Step::Delete);
        self.tags.iter().filter(changes)
    }

    /// Tags that stay as the batch left them, or as someone else did.
    #[must_use]
    pub fn left(&self) -> usize {
        let is_left = |tag: &&PlannedTag| matches!(tag.step, Step::Leave(_));
        self.tags.iter().filter(is_left).count()
    }

    /// Tags that could not be looked up.
    #[must_use]
    pub fn unknown(&self) -> usize {
        let is_unknown = |tag: &&PlannedTag| matches!(tag.step, Step::Unknown(_));
        self.tags.iter().filter(is_unknown).count()
    }
}

//! What to do if the destination tag names another image.
//!
//! Decides the options and their names; the copy applies them. Invariant: without effect on a destination with a digest,
//! which has no tag to replace.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExisting {
    /// The tag names the new image afterwards. Its old digest is reported.
    #[default]
    Replace,
    /// The image is skipped.
    Keep,
    /// The image fails.
    Fail,
}

impl OnExisting {
    pub const ALL: [Self; 3] = [Self::Replace, Self::Keep, Self::Fail];

    /// Its name in lists and in the journal.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Keep => "keep",
            Self::Fail => "fail",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.word() == word)
    }

    /// Whether the tag may be replaced.
    #[must_use]
    pub fn is_replace(&self) -> bool {
        *self == Self::Replace
    }
}

impl fmt::Display for OnExisting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

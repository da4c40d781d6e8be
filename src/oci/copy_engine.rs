//! Which program copies an image.
//!
//! Decides the choices and their names. Invariant: an image has one engine for all its attempts.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyEngine {
    /// This program itself.
    #[default]
    Native,
    /// A skopeo that this program runs and watches.
    Skopeo,
}

impl CopyEngine {
    pub const ALL: [Self; 2] = [Self::Native, Self::Skopeo];

    /// Its name in lists and in the journal.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Skopeo => "skopeo",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.word() == word)
    }

    #[must_use]
    pub fn is_native(&self) -> bool {
        *self == Self::Native
    }
}

impl fmt::Display for CopyEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

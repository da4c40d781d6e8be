//! The media types of a copied image: those of OCI, or Docker's.
//!
//! Decides the options and their names; the copy converts. Invariant: without this option, manifests are copied byte for
//! byte, unless the destination cannot hold them.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManifestFormat {
    /// OCI image manifests and indexes.
    Oci,
    /// Docker schema 2 manifests and manifest lists.
    Docker,
}

impl ManifestFormat {
    pub const ALL: [Self; 2] = [Self::Oci, Self::Docker];

    /// Its name in lists, options and the journal.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Oci => "oci",
            Self::Docker => "docker",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.word() == word)
    }
}

impl fmt::Display for ManifestFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

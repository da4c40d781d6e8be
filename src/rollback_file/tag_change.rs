//! One entry: what a tag named, and what it was made to name.
//!
//! Invariant: an entry that was written is read back as it was.

use std::{fmt, str::FromStr};

use crate::oci::{Digest, DigestError, Reference};

/// What a tag named before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Before {
    Digest(Digest),
    /// The tag did not exist.
    Nothing,
    /// The registry refused to say.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TagChange {
    /// Has a tag.
    pub reference: Reference,
    pub before: Before,
    pub after: Digest,
}

const NOTHING: &str = "none";
const UNKNOWN: &str = "unknown";

impl TagChange {
    /// The entry as TOML. Names and digests need no escapes.
    pub(super) fn entry(&self) -> String {
        let Self {
            reference,
            before,
            after,
        } = self;
        format!(
            "\n[[tags]]\nreference = \"{reference}\"\nbefore = \"{before}\"\nafter = \"{after}\"\n"
        )
    }
}

impl fmt::Display for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest(digest) => digest.fmt(f),
            Self::Nothing => f.write_str(NOTHING),
            Self::Unknown => f.write_str(UNKNOWN),
        }
    }
}

impl FromStr for Before {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        match text {
            NOTHING => Ok(Self::Nothing),
            UNKNOWN => Ok(Self::Unknown),
            digest => digest.parse().map(Self::Digest),
        }
    }
}

//! How a copy of one image succeeds.

use crate::oci::Digest;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyOutcome {
    Copied {
        root: Digest,
    },
    UpToDate {
        root: Digest,
    },
    /// All but the tag is written: that waits for the other images of its group.
    Staged {
        root: Digest,
    },
    /// Nothing was written: the destination tag names another image, which the list says to keep.
    Kept {
        there: Digest,
    },
}

//! A manifest that is attached to another one, as a referrer or by a cosign tag.

use super::graph::Graph;
use crate::oci::Tag;

pub(super) struct Attachment {
    /// The manifest, and what is below it.
    pub graph: Graph,
    /// The cosign tag it was found by. `None` for a referrer.
    pub tag: Option<Tag>,
    /// Whether the destination has it under the same tag or digest.
    pub is_present: bool,
}

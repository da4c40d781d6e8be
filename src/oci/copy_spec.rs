//! One image to copy: from where, to where, and what of it.
//!
//! Invariant: it says everything about the copy that the operator's list says, and nothing about its progress.

use serde::{Deserialize, Serialize};

use super::{
    Attachments, Compression, CopyEngine, GroupName, Location, ManifestFormat, OnExisting,
    Platform, RequiredKeys,
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopySpec {
    pub source: Location,
    /// A reference has a tag or a digest, never both.
    pub destination: Location,
    /// Which children of an index to copy; empty means the whole index, byte-exact.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<Platform>,
    /// Which attachments to copy with the image; all of them unless the list says otherwise.
    #[serde(default, skip_serializing_if = "Attachments::is_all")]
    pub attachments: Attachments,
    /// What happens to a destination tag that names another image.
    #[serde(default, skip_serializing_if = "OnExisting::is_replace")]
    pub on_existing: OnExisting,
    /// The media types at the destination; `None` for those of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<ManifestFormat>,
    /// How layers are compressed that the source stores uncompressed; `None` for the default of the destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    #[serde(default, skip_serializing_if = "CopyEngine::is_native")]
    pub engine: CopyEngine,
    /// The images whose tags are written together; `None` if its own tag is written as soon as its content is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupName>,
    /// The keys of which one has to have signed the image; none if it needs no signature.
    #[serde(default, skip_serializing_if = "RequiredKeys::is_empty")]
    pub require_signature: RequiredKeys,
}

impl CopySpec {
    /// The whole image with all attachments; replaces what the destination tag names.
    #[must_use]
    pub fn new(source: Location, destination: Location) -> Self {
        Self {
            source,
            destination,
            platforms: Vec::new(),
            attachments: Attachments::default(),
            on_existing: OnExisting::default(),
            format: None,
            compression: None,
            engine: CopyEngine::default(),
            group: None,
            require_signature: RequiredKeys::default(),
        }
    }
}

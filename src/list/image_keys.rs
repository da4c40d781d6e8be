//! The keys of an image table, as they are written.

use std::sync::Arc;

use super::{
    fields::Fields, filter::TagFilter, spanned::Spanned, values, written_name::WrittenDestination,
};
use crate::oci::{
    Attachments, Compression, CopyEngine, GroupName, ManifestFormat, OnExisting, Platform,
    RequiredKeys, Tag,
};

/// The keys of an image table, without its names.
#[derive(Default)]
pub(super) struct ImageKeys {
    pub(super) tags: Option<Spanned<Vec<Spanned<Tag>>>>,
    pub(super) filter: Arc<TagFilter>,
    pub(super) platforms: Option<Spanned<Arc<[Platform]>>>,
    pub(super) to: Option<Spanned<WrittenDestination>>,
    pub(super) attachments: AttachmentKeys,
    pub(super) on_existing: Option<OnExisting>,
    pub(super) conversion: Conversion,
    pub(super) engine: Option<CopyEngine>,
    pub(super) group: Option<Spanned<GroupName>>,
    pub(super) require_signature: Option<RequiredKeys>,
}

/// Which attachments go with the images of a table.
#[derive(Default)]
pub(super) struct AttachmentKeys {
    referrers: Option<bool>,
    cosign_tags: Option<bool>,
    recheck: Option<bool>,
}

impl AttachmentKeys {
    pub(super) fn read(table: &mut Fields) -> Self {
        let mut flag = |key| table.flag(key).map(|flag| flag.value);
        Self {
            referrers: flag("referrers"),
            cosign_tags: flag("cosign-tags"),
            recheck: flag("recheck-attachments"),
        }
    }

    /// The keys, and `others` where one is not written.
    pub(super) fn or(&self, others: Attachments) -> Attachments {
        Attachments {
            referrers: self.referrers.unwrap_or(others.referrers),
            cosign_tags: self.cosign_tags.unwrap_or(others.cosign_tags),
            recheck: self.recheck.unwrap_or(others.recheck),
        }
    }
}

/// What the copying of an image changes, as far as it is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conversion {
    pub format: Option<ManifestFormat>,
    pub compression: Option<Compression>,
}

impl Conversion {
    pub(super) fn read(table: &mut Fields) -> Self {
        let format = table.read("format", values::format);
        let compression = table.read("compression", values::compression);
        Self {
            format: format.map(|written| written.value),
            compression: compression.map(|written| written.value),
        }
    }

    /// The keys, and `others` where one is not written.
    pub(super) fn or(self, others: Self) -> Self {
        Self {
            format: self.format.or(others.format),
            compression: self.compression.or(others.compression),
        }
    }
}

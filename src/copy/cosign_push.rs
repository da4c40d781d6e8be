//! Writes a manifest under a cosign tag, to which others may have added signatures.
//!
//! Decides what happens to a manifest that cannot be merged with the existing one. Invariant: signatures at the
//! destination are not lost where they can be merged.

use super::{
    CopyError, CopyOutcome,
    cosign_tag::{CosignTag, TagContent, unmergeable_note},
    manifest_writer::ManifestWriter,
};
use crate::{
    oci::{Digest, Manifest, Signatures, Tag},
    transport::Selector,
};

/// What happens to the existing manifest if the two cannot be merged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unmergeable {
    Keep,
    Replace,
}

pub(super) struct CosignPush<'a> {
    pub writer: &'a ManifestWriter<'a>,
    pub tag: &'a Tag,
    pub manifest: &'a Manifest,
    pub unmergeable: Unmergeable,
}

impl CosignPush<'_> {
    pub(super) async fn run(self) -> Result<CopyOutcome, CopyError> {
        let cosign = CosignTag {
            destination: self.writer.destination,
            tag: self.tag,
        };
        let write = async |content| match content {
            TagContent::Nothing => self.put().await,
            TagContent::Complete(root) => Ok(CopyOutcome::UpToDate { root }),
            TagContent::Incomplete(existing) => {
                match cosign.merge(&existing, self.manifest).await? {
                    Some(merged) => {
                        self.note_merged(&existing, &merged);
                        let root = merged.digest;
                        Ok(CopyOutcome::Copied { root })
                    }
                    None => self.put_unmergeable(existing.digest).await,
                }
            }
            TagContent::Other(existing) => self.put_unmergeable(existing).await,
        };
        cosign.locked(self.manifest, write).await
    }

    async fn put(&self) -> Result<CopyOutcome, CopyError> {
        let (tag, text) = (Selector::Tag(self.tag), self.tag.to_string());
        self.writer.put_named(tag, text, self.manifest).await
    }

    async fn put_unmergeable(&self, existing: Digest) -> Result<CopyOutcome, CopyError> {
        match self.unmergeable {
            Unmergeable::Replace => self.put().await,
            Unmergeable::Keep => {
                let wanted = &self.manifest.digest;
                let note = unmergeable_note(self.tag, &existing, wanted);
                self.writer.note(note);
                Ok(CopyOutcome::UpToDate { root: existing })
            }
        }
    }

    fn note_merged(&self, existing: &Manifest, merged: &Manifest) {
        let [own, all] = [existing, merged].map(|manifest| {
            let signatures = Signatures::of(manifest);
            signatures.map_or(0, |signatures| signatures.count())
        });
        let (tag, added) = (self.tag, all - own.min(all));
        self.writer.note(format!(
            "the destination keeps its own {own} under {tag}; {added} of the source's were added, so it names {}",
            merged.digest
        ));
    }
}

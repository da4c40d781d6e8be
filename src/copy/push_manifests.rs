//! Writes the manifests of one image after its blobs.
//!
//! Decides the order: children before parents, a subject before what refers to it, the tag last, so that an image that
//! can be pulled is complete with its attachments. An image without a tag is written after its attachments. Invariant:
//! an attachment that the destination's rules refuse is noted, and the image is copied without it.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use futures_util::{StreamExt, TryStreamExt, future, stream};

use super::{
    CopyError, CopyOutcome, Report,
    attachment::Attachment,
    copy_plan::CopyPlan,
    cosign_push::{CosignPush, Unmergeable},
    destination_rules::is_refused_by_rule,
    graph::Graph,
    image_context,
    image_limits::MAX_PENDING,
    manifest_writer::ManifestWriter,
};
use crate::{
    oci::{Attachments, Manifest, Tag},
    registry::described_as_referrer,
    transport::{Destination, Selector},
};

/// Concurrent writes of one image.
const MAX_WRITES: usize = 6;

/// What the destination calls the image.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RootName<'a> {
    Tag(&'a Tag),
    /// Only its digest.
    Digest,
    /// The name of the location in a store of this machine.
    Stored,
}

/// An attachment that the destination's rules exclude, and its refusal.
type RefusedAttachment<'p> = (&'p Attachment, CopyError);

pub(super) struct ManifestPush<'a> {
    writer: ManifestWriter<'a>,
    /// Attachments that were not at the destination before.
    added: AtomicUsize,
}

impl<'a> ManifestPush<'a> {
    pub(super) fn new(
        destination: &'a image_context::Side<dyn Destination>,
        report: &'a (dyn Fn(Report) + Send + Sync),
    ) -> Self {
        Self {
            writer: ManifestWriter::new(destination, report),
            added: AtomicUsize::default(),
        }
    }

    /// Writes the image and its attachments. `name` is what the destination calls it.
    pub(super) async fn push(
        self,
        plan: &CopyPlan,
        name: RootName<'_>,
    ) -> Result<CopyOutcome, CopyError> {
        let root = &plan.image.root;
        self.put_children(&plan.image).await?;
        let is_subject = root.subject.is_some() || !plan.attachments.is_empty();
        let is_subject_first = is_subject && name != RootName::Digest;
        if is_subject_first {
            self.writer.put_by_digest(root).await?;
        }
        let mut refused = self.put_attachments(plan).await?;
        let outcome = self.put_root(name, root).await?;
        if !is_subject_first && !refused.is_empty() {
            // Some registries refuse what refers to a manifest they do not have.
            let again: Vec<_> = refused
                .into_iter()
                .map(|(attachment, _)| attachment)
                .collect();
            refused = self.put_level(again).await?;
        }
        self.writer.list_referrers().await?;
        self.finish(plan, &refused);
        Ok(outcome)
    }

    /// Writes the attachments that are missing; the image is present.
    pub(super) async fn push_missing_attachments(
        self,
        plan: &CopyPlan,
    ) -> Result<CopyOutcome, CopyError> {
        let root = plan.image.root.digest.clone();
        let refused = self.put_attachments(plan).await?;
        self.finish(plan, &refused);
        match self.added.load(Relaxed) {
            0 => Ok(CopyOutcome::UpToDate { root }),
            _ => Ok(CopyOutcome::Copied { root }),
        }
    }

    async fn put_attachments<'p>(
        &self,
        plan: &'p CopyPlan,
    ) -> Result<Vec<RefusedAttachment<'p>>, CopyError> {
        let mut refused = Vec::new();
        for level in &plan.attachments {
            let missing = level.iter().filter(|attachment| !attachment.is_present);
            refused.extend(self.put_level(missing).await?);
        }
        self.writer.list_referrers().await?;
        Ok(refused)
    }

    fn finish(&self, plan: &CopyPlan, refused: &[RefusedAttachment<'_>]) {
        for (attachment, error) in refused {
            self.note_refused(attachment, error);
        }
        let copied = plan.copies.iter().cloned();
        self.writer.destination.state.referrers.mark_copied(copied);
    }

    async fn put_children(&self, graph: &Graph) -> Result<(), CopyError> {
        let levels = graph.levels.iter().rev();
        for some in levels.flat_map(|level| level.chunks(MAX_PENDING)) {
            let writes: Vec<_> = some
                .iter()
                .map(|manifest| self.writer.put_by_digest(manifest))
                .collect();
            stream::iter(writes)
                .buffer_unordered(MAX_WRITES)
                .try_collect::<()>()
                .await?;
        }
        Ok(())
    }

    /// Writes attachments of which none refers to another. Returns those that the destination's rules refuse.
    async fn put_level<'p>(
        &self,
        attachments: impl IntoIterator<Item = &'p Attachment>,
    ) -> Result<Vec<RefusedAttachment<'p>>, CopyError> {
        let writes: Vec<_> = attachments
            .into_iter()
            .map(|attachment| async move {
                match self.put_attachment(attachment).await {
                    Ok(()) => Ok(None),
                    Err(error) if is_refused_by_rule(&error) => Ok(Some((attachment, error))),
                    Err(error) => Err(error),
                }
            })
            .collect();
        stream::iter(writes)
            .buffered(MAX_WRITES)
            .try_filter_map(future::ok)
            .try_collect()
            .await
    }

    async fn put_attachment(&self, attachment: &Attachment) -> Result<(), CopyError> {
        self.put_children(&attachment.graph).await?;
        let root = &attachment.graph.root;
        let outcome = match &attachment.tag {
            Some(tag) => {
                let push = CosignPush {
                    writer: &self.writer,
                    tag,
                    manifest: root,
                    unmergeable: Unmergeable::Keep,
                };
                push.run().await?
            }
            None => {
                self.writer.put_by_digest(root).await?;
                let root = root.digest.clone();
                CopyOutcome::Copied { root }
            }
        };
        let is_added = matches!(outcome, CopyOutcome::Copied { .. });
        self.added.fetch_add(usize::from(is_added), Relaxed);
        Ok(())
    }

    /// Writes the manifest of the destination's name. A list may name cosign tags as images: their signatures are merged
    /// as well.
    pub(super) async fn put_root(
        &self,
        name: RootName<'_>,
        manifest: &Manifest,
    ) -> Result<CopyOutcome, CopyError> {
        match name {
            RootName::Tag(tag) if Attachments::is_cosign_tag(tag) => {
                let push = CosignPush {
                    writer: &self.writer,
                    tag,
                    manifest,
                    unmergeable: Unmergeable::Replace,
                };
                push.run().await
            }
            RootName::Tag(tag) => {
                let selector = Selector::Tag(tag);
                (self.writer)
                    .put_named(selector, tag.to_string(), manifest)
                    .await
            }
            RootName::Digest => {
                self.writer.put_by_digest(manifest).await?;
                let root = manifest.digest.clone();
                Ok(CopyOutcome::Copied { root })
            }
            RootName::Stored => {
                self.writer.put(Selector::Image, manifest).await?;
                let root = manifest.digest.clone();
                Ok(CopyOutcome::Copied { root })
            }
        }
    }

    fn note_refused(&self, attachment: &Attachment, error: &CopyError) {
        let root = &attachment.graph.root;
        let kind = described_as_referrer(root).artifact_type;
        let name = match (&attachment.tag, kind) {
            (Some(tag), _) => tag.to_string(),
            (None, Some(kind)) => format!("{} ({kind})", root.digest),
            (None, None) => root.digest.to_string(),
        };
        self.writer.note(format!(
            "the image is copied without {name}, which is attached to it: the destination {error}"
        ));
    }
}

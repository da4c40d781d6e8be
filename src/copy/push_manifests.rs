//! Writes the manifests of one image, once all blobs are there.
//!
//! Decides the order: children before parents, a subject before what refers to it, the reference last - so
//! that an image that is found is whole, with everything attached to it. A manifest named by its digest
//! alone is the reference, so what refers to it goes first. Invariant: what the destination's rules refuse
//! of the attachments is said, and does not keep the image itself from being copied.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use futures_util::{StreamExt, TryStreamExt, future, stream};

use super::{
    CopyError, CopyOutcome, Report,
    copy_plan::Plan,
    cosign::{CosignTag, Found},
    error::blame,
    graph::{Graph, TOGETHER},
    referrers::Attachment,
    registry_state::RegistryState,
};
use crate::{
    batch::Side,
    oci::{Attachments, Descriptor, Digest, Manifest, Repository, Signatures, Tag, Version},
    registry::{ErrorCause, Refusal, described_as_referrer},
};

/// Manifests written at once for one image.
const WRITERS: usize = 6;

pub(super) struct ManifestPush<'a> {
    destination: &'a RegistryState,
    into: &'a Repository,
    report: &'a (dyn Fn(Report) + Send + Sync),
    /// What the destination did not list among its subject's referrers.
    unlisted: Mutex<BTreeMap<Digest, Vec<Descriptor>>>,
    /// Attachments that were not at the destination before.
    added: AtomicUsize,
}

/// What becomes of something else under a cosign tag, where the two cannot be merged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unmergeable {
    Keep,
    Replace,
}

impl<'a> ManifestPush<'a> {
    pub(super) fn new(
        destination: &'a RegistryState,
        into: &'a Repository,
        report: &'a (dyn Fn(Report) + Send + Sync),
    ) -> Self {
        Self {
            destination,
            into,
            report,
            unlisted: Mutex::default(),
            added: AtomicUsize::default(),
        }
    }

    /// Writes `plan`; `reference` is what the destination reference selects by.
    pub(super) async fn run(
        self,
        plan: &Plan,
        reference: &Version,
    ) -> Result<CopyOutcome, CopyError> {
        let root = &plan.image.root;
        self.put_children(&plan.image).await?;
        let own = Version::Digest(root.digest.clone());
        let is_subject = root.subject.is_some() || !plan.attached.is_empty();
        let subject_first = is_subject && *reference != own;
        if subject_first {
            self.put(&own, root).await?;
        }
        let mut refused = self.put_attachments(plan).await?;
        let done = self.put_reference(reference, root).await?;
        if !subject_first && !refused.is_empty() {
            // Some registries want to see the subject first.
            let again: Vec<_> = refused
                .into_iter()
                .map(|(attachment, _)| attachment)
                .collect();
            refused = self.attachments(again).await?;
        }
        self.list().await?;
        self.end(plan, &refused);
        Ok(done)
    }

    /// Writes what is attached to an image that is there, and is not there itself.
    pub(super) async fn add(self, plan: &Plan) -> Result<CopyOutcome, CopyError> {
        let root = plan.image.root.digest.clone();
        let refused = self.put_attachments(plan).await?;
        self.end(plan, &refused);
        match self.added.load(Relaxed) {
            0 => Ok(CopyOutcome::UpToDate { root }),
            _ => Ok(CopyOutcome::Copied { root }),
        }
    }

    async fn put_attachments<'p>(
        &self,
        plan: &'p Plan,
    ) -> Result<Vec<(&'p Attachment, CopyError)>, CopyError> {
        let mut refused = Vec::new();
        for generation in &plan.attached {
            let missing = generation.iter().filter(|attachment| !attachment.there);
            refused.extend(self.attachments(missing).await?);
        }
        self.list().await?;
        Ok(refused)
    }

    fn end(&self, plan: &Plan, refused: &[(&Attachment, CopyError)]) {
        for (attachment, error) in refused {
            self.note_refused(attachment, error);
        }
        let brought = plan.brings.iter().cloned();
        self.destination.referrer_cache.complete(brought);
    }

    async fn put_children(&self, graph: &Graph) -> Result<(), CopyError> {
        let levels = graph.levels.iter().rev();
        for some in levels.flat_map(|level| level.chunks(TOGETHER)) {
            let writes: Vec<_> = some
                .iter()
                .map(|manifest| async move {
                    let version = Version::Digest(manifest.digest.clone());
                    self.put(&version, manifest).await
                })
                .collect();
            stream::iter(writes)
                .buffer_unordered(WRITERS)
                .try_collect::<()>()
                .await?;
        }
        Ok(())
    }

    /// Writes attachments of which none refers to another; those that the destination's rules refuse are
    /// given back.
    async fn attachments<'p>(
        &self,
        attachments: impl IntoIterator<Item = &'p Attachment>,
    ) -> Result<Vec<(&'p Attachment, CopyError)>, CopyError> {
        let writes: Vec<_> = attachments
            .into_iter()
            .map(|attachment| async move {
                match self.attachment(attachment).await {
                    Ok(()) => Ok(None),
                    Err(error) if is_rule(&error) => Ok(Some((attachment, error))),
                    Err(error) => Err(error),
                }
            })
            .collect();
        stream::iter(writes)
            .buffered(WRITERS)
            .try_filter_map(future::ok)
            .try_collect()
            .await
    }

    async fn attachment(&self, attachment: &Attachment) -> Result<(), CopyError> {
        self.put_children(&attachment.graph).await?;
        let root = &attachment.graph.root;
        let done = match &attachment.tag {
            Some(tag) => self.cosign_tag(tag, root, Unmergeable::Keep).await?,
            None => {
                let version = Version::Digest(root.digest.clone());
                self.put(&version, root).await?;
                let root = root.digest.clone();
                CopyOutcome::Copied { root }
            }
        };
        let added = matches!(done, CopyOutcome::Copied { .. });
        self.added.fetch_add(usize::from(added), Relaxed);
        Ok(())
    }

    /// Writes what the destination reference selects by. A list may name cosign's tags as images of their own;
    /// signatures that are there are no more lost by that.
    async fn put_reference(
        &self,
        version: &Version,
        manifest: &Manifest,
    ) -> Result<CopyOutcome, CopyError> {
        match version {
            Version::Tag(tag) if Attachments::is_cosign_tag(tag) => {
                self.cosign_tag(tag, manifest, Unmergeable::Replace).await
            }
            Version::Tag(_) | Version::Digest(_) => self.replace(version, manifest).await,
        }
    }

    /// Writes a manifest under one of cosign's tags, to which others may have added signatures of their own.
    async fn cosign_tag(
        &self,
        tag: &Tag,
        manifest: &Manifest,
        unmergeable: Unmergeable,
    ) -> Result<CopyOutcome, CopyError> {
        let version = Version::Tag(tag.clone());
        let cosign = CosignTag {
            destination: self.destination,
            into: self.into,
            tag,
        };
        let write = async |found| match found {
            Found::Nothing => self.replace(&version, manifest).await,
            Found::Complete(root) => Ok(CopyOutcome::UpToDate { root }),
            Found::Incomplete(there) => match cosign.add(&there, manifest).await? {
                Some(merged) => {
                    self.note_merged(tag, &there, &merged);
                    let root = merged.digest;
                    Ok(CopyOutcome::Copied { root })
                }
                None => {
                    self.unmergeable(tag, manifest, there.digest, unmergeable)
                        .await
                }
            },
            Found::Other(there) => self.unmergeable(tag, manifest, there, unmergeable).await,
        };
        cosign.alone(manifest, write).await
    }

    async fn unmergeable(
        &self,
        tag: &Tag,
        manifest: &Manifest,
        there: Digest,
        unmergeable: Unmergeable,
    ) -> Result<CopyOutcome, CopyError> {
        match unmergeable {
            Unmergeable::Replace => self.replace(&Version::Tag(tag.clone()), manifest).await,
            Unmergeable::Keep => {
                (self.report)(Report::Noted(kept(tag, &there, &manifest.digest)));
                Ok(CopyOutcome::UpToDate { root: there })
            }
        }
    }

    fn note_merged(&self, tag: &Tag, there: &Manifest, merged: &Manifest) {
        let [own, all] = [there, merged].map(|manifest| {
            let signatures = Signatures::of(manifest);
            signatures.map_or(0, |signatures| signatures.count())
        });
        let added = all - own.min(all);
        (self.report)(Report::Noted(format!(
            "the destination keeps its own {own} under {tag}; {added} of the source's were added, so it names {}",
            merged.digest
        )));
    }

    /// Writes a manifest under a name that may not be free to change.
    async fn replace(
        &self,
        version: &Version,
        manifest: &Manifest,
    ) -> Result<CopyOutcome, CopyError> {
        let root = manifest.digest.clone();
        let error = match self.put(version, manifest).await {
            Ok(()) => return Ok(CopyOutcome::Copied { root }),
            Err(error) => error,
        };
        if error.refused() != Some(Refusal::ImmutableTag) {
            return Err(error);
        }
        // Refused because it is there already, by someone else's hand, or because another one is (quirk 6).
        let head = self.destination.client.manifest_head(self.into, version);
        match head.await.map_err(blame(Side::Destination))? {
            Some(head) if head.digest == root => Ok(CopyOutcome::UpToDate { root }),
            Some(head) => Err(CopyError::Conflict {
                version: version.clone(),
                there: head.digest,
                wanted: root,
            }),
            None => Err(error),
        }
    }

    async fn put(&self, version: &Version, manifest: &Manifest) -> Result<(), CopyError> {
        let written = self
            .destination
            .client
            .put_manifest(self.into, version, manifest)
            .await
            .map_err(blame(Side::Destination))?;
        if let Some(subject) = &manifest.subject
            && !written.lists_subject
        {
            let mut unlisted = self.unlisted.lock().unwrap_or_else(PoisonError::into_inner);
            let referrers = unlisted.entry(subject.digest.clone()).or_default();
            referrers.push(described_as_referrer(manifest));
        }
        self.destination.add_manifest(self.into, &manifest.digest);
        Ok(())
    }

    /// Puts what was written since the last time, and is not listed by the registry, into the fallback
    /// indexes of its subjects.
    async fn list(&self) -> Result<(), CopyError> {
        let unlisted = {
            let mut unlisted = self.unlisted.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *unlisted)
        };
        for (subject, referrers) in unlisted {
            let one = self.destination.referrer_cache.listing(self.into, &subject);
            // Never closed; with a permit or without, the index is changed.
            let _alone = one.acquire().await;
            let client = &self.destination.client;
            let added = client.add_to_fallback_index(self.into, &subject, &referrers);
            match added.await.map_err(blame(Side::Destination)) {
                Err(error) if is_rule(&error) => (self.report)(Report::Noted(format!(
                    "the destination has no list of what refers to {subject}, and takes none under a tag: {error}"
                ))),
                added => added?,
            }
        }
        Ok(())
    }

    fn note_refused(&self, attachment: &Attachment, error: &CopyError) {
        let root = &attachment.graph.root;
        let kind = described_as_referrer(root).artifact_type;
        let name = match (&attachment.tag, kind) {
            (Some(tag), _) => tag.to_string(),
            (None, Some(kind)) => format!("{} ({kind})", root.digest),
            (None, None) => root.digest.to_string(),
        };
        (self.report)(Report::Noted(format!(
            "the image is copied without {name}, which belongs to it: the destination {error}"
        )));
    }
}

/// Why something under a cosign tag was not copied, and how it can be.
pub(super) fn kept(tag: &Tag, there: &Digest, wanted: &Digest) -> String {
    format!(
        "{tag} is not copied: the destination has {there} under it, the source {wanted}, and the two cannot be \
         merged; to have the source's, delete the tag there and copy again with `recheck-attachments`"
    )
}

/// Whether the destination's rules are against it, for good, and against nothing else.
fn is_rule(error: &CopyError) -> bool {
    match error {
        CopyError::Conflict { .. } => true,
        CopyError::Registry { error, .. }
            if matches!(*error.cause, ErrorCause::FallbackTaken(_)) =>
        {
            true
        }
        _ => matches!(
            error.refused(),
            Some(
                Refusal::UnsupportedContent
                    | Refusal::NoMediaType
                    | Refusal::TooLarge
                    | Refusal::UnsupportedDigest
                    | Refusal::Policy
                    | Refusal::ImmutableTag
            )
        ),
    }
}

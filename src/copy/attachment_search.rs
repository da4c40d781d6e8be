//! Finds what is attached to an image's manifests at the source: referrers at every level, and cosign tags.
//!
//! Decides where to look, with few requests: one referrers list a manifest and one tag list a repository. Invariant:
//! an attachment that cannot be read is noted, never skipped silently.

use std::{
    collections::HashSet,
    fmt,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    CopyError, Report,
    attachment::Attachment,
    cosign_tag::{CosignTag, TagContent, unmergeable_note},
    error::blame,
    graph::Graph,
    image_context,
    image_limits::{MAX_DEPTH, MAX_PENDING, MAX_READS},
    manifest_reader::ManifestReader,
};
use crate::{
    batch::Side,
    oci::{Attachments, Descriptor, Digest, Manifest, ManifestError, Tag},
    transport::{Destination, Error, Referrers, Selector, Source, referrers_after},
};

pub(super) struct AttachmentSearch<'a> {
    pub attachments: Attachments,
    pub image: ManifestReader<'a>,
    pub source: &'a image_context::Side<dyn Source>,
    pub destination: &'a image_context::Side<dyn Destination>,
    pub report: &'a (dyn Fn(Report) + Send + Sync),
    /// Whether a note says already that the source refuses to show cosign tags.
    pub has_noted_refusal: AtomicBool,
}

/// What an attachment is read by.
enum AttachmentReference {
    Referrer(Box<Descriptor>),
    Tag(Tag),
}

/// An attachment that was read.
enum FoundAttachment {
    New(Attachment),
    /// A tag of a manifest that was found before.
    Alias(Attachment),
}

impl AttachmentReference {
    fn referrer(&self) -> Option<&Descriptor> {
        match self {
            Self::Referrer(referrer) => Some(referrer),
            Self::Tag(_) => None,
        }
    }

    fn selector(&self) -> Selector<'_> {
        match self {
            Self::Referrer(referrer) => Selector::Digest(&referrer.digest),
            Self::Tag(tag) => Selector::Tag(tag),
        }
    }
}

impl fmt::Display for AttachmentReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Referrer(referrer) => fmt::Display::fmt(&referrer.digest, f),
            Self::Tag(tag) => fmt::Display::fmt(tag, f),
        }
    }
}

impl AttachmentSearch<'_> {
    /// Everything attached to `subjects`, what is attached to that, and so on, a level at a time: a subject always
    /// comes before what refers to it. `known` are the manifests that were read before.
    ///
    /// A registry may list manifests that refer to each other in a circle, and a tag may name its own subject. So each
    /// manifest is read once, and its attachments are searched once. Tags of manifests that were read before come last.
    pub(super) async fn run(
        &self,
        mut subjects: Vec<Digest>,
        mut known: HashSet<Digest>,
    ) -> Result<Vec<Vec<Attachment>>, CopyError> {
        let mut levels: Vec<Vec<Attachment>> = Vec::new();
        let mut aliases = Vec::new();
        let mut searched = known.clone();
        while !subjects.is_empty() {
            let references = self.references(&subjects, &mut known).await?;
            let mut level = Vec::new();
            subjects.clear();
            for found in self.read_all(&references, &known).await? {
                match found {
                    FoundAttachment::Alias(alias) => aliases.push(alias),
                    FoundAttachment::New(attachment) => {
                        let manifests = attachment.graph.manifests();
                        let new = manifests.filter(|new| searched.insert(new.digest.clone()));
                        subjects.extend(new.map(|manifest| manifest.digest.clone()));
                        level.push(attachment);
                    }
                }
            }
            known.extend(subjects.iter().cloned());
            if !level.is_empty() {
                levels.push(level);
            }
            if levels.len() > MAX_DEPTH {
                return Err(CopyError::TooDeep(MAX_DEPTH));
            }
        }
        if !aliases.is_empty() {
            levels.push(aliases);
        }
        Ok(levels)
    }

    /// What is attached to `subjects`. Adds the referrers to `known`, and leaves out those that are in it.
    async fn references(
        &self,
        subjects: &[Digest],
        known: &mut HashSet<Digest>,
    ) -> Result<Vec<AttachmentReference>, CopyError> {
        let mut references: Vec<AttachmentReference> = Vec::new();
        for some in subjects.chunks(MAX_PENDING) {
            let searches: Vec<_> = some
                .iter()
                .map(|subject| self.references_to(subject))
                .collect();
            let mut searches = stream::iter(searches).buffered(MAX_READS);
            while let Some(attached) = searches.try_next().await? {
                references.extend(attached.into_iter().filter(|reference| match reference {
                    AttachmentReference::Referrer(referrer) => {
                        known.insert(referrer.digest.clone())
                    }
                    AttachmentReference::Tag(_) => true,
                }));
            }
        }
        Ok(references)
    }

    async fn references_to(&self, subject: &Digest) -> Result<Vec<AttachmentReference>, CopyError> {
        let mut references = Vec::new();
        if self.attachments.referrers {
            let referrers = self.referrers(subject).await?.into_iter().map(Box::new);
            references.extend(referrers.map(AttachmentReference::Referrer));
        }
        if self.attachments.cosign_tags {
            for tag in Attachments::cosign_tags(subject) {
                if self.may_exist(&tag).await? {
                    references.push(AttachmentReference::Tag(tag));
                }
            }
        }
        Ok(references)
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, CopyError> {
        let cache = &self.source.state.referrers;
        let ManifestReader { source, budget } = self.image;
        let listed = match cache.has_no_api() {
            true => Referrers::NoApi,
            false => {
                let listed = source.referrers(subject, budget);
                listed.await.map_err(blame(Side::Source))?
            }
        };
        let may_be_tagged = match (&listed, Attachments::fallback_tag(subject)) {
            (Referrers::Listed(_), _) | (_, None) => false,
            (Referrers::NoApi | Referrers::Refused(_), Some(tag)) => self.may_exist(&tag).await?,
        };
        if let Referrers::NoApi = listed {
            cache.mark_no_api();
        }
        let found = referrers_after(source, listed, subject, may_be_tagged, budget);
        match found.await.map_err(blame(Side::Source))? {
            Ok(referrers) => Ok(referrers),
            Err(error) => {
                self.note(format!(
                    "the source refused to list the referrers of {subject}, so they are not copied: {error}"
                ));
                Ok(Vec::new())
            }
        }
    }

    async fn may_exist(&self, tag: &Tag) -> Result<bool, CopyError> {
        let (state, scope) = (&self.source.state, &self.source.scope);
        let may_exist = state.referrers.may_exist(self.image.source, scope, tag);
        may_exist.await.map_err(blame(Side::Source))
    }

    async fn read_all(
        &self,
        references: &[AttachmentReference],
        known: &HashSet<Digest>,
    ) -> Result<Vec<FoundAttachment>, CopyError> {
        let referrers = references.iter().filter_map(AttachmentReference::referrer);
        self.image.admit_manifests(referrers).await?;
        let mut found = Vec::new();
        for some in references.chunks(MAX_PENDING) {
            let reads: Vec<_> = some
                .iter()
                .map(|reference| self.read(reference, known))
                .collect();
            let mut reads = stream::iter(reads).buffered(MAX_READS);
            while let Some(attachment) = reads.try_next().await? {
                found.extend(attachment);
            }
        }
        Ok(found)
    }

    async fn read(
        &self,
        reference: &AttachmentReference,
        known: &HashSet<Digest>,
    ) -> Result<Option<FoundAttachment>, CopyError> {
        let Some(manifest) = self.read_manifest(reference).await? else {
            return Ok(None);
        };
        let is_present = self.attachments.recheck && self.is_present(reference, &manifest).await?;
        let (tag, is_alias) = match reference {
            AttachmentReference::Tag(tag) => (Some(tag.clone()), known.contains(&manifest.digest)),
            AttachmentReference::Referrer(_) => (None, false),
        };
        let is_complete = |digest: &Digest| {
            let manifests = &self.destination.state.manifests;
            manifests.contains(&self.destination.scope, digest)
        };
        let graph = if is_present || is_alias || is_complete(&manifest.digest) {
            Graph::of(manifest)
        } else {
            Graph::read(self.image, manifest, &is_complete).await?
        };
        let attachment = Attachment {
            graph,
            tag,
            is_present,
        };
        Ok(Some(match is_alias {
            true => FoundAttachment::Alias(attachment),
            false => FoundAttachment::New(attachment),
        }))
    }

    /// `None` for a manifest that cannot be copied, which is noted.
    async fn read_manifest(
        &self,
        reference: &AttachmentReference,
    ) -> Result<Option<Manifest>, CopyError> {
        let read = match reference {
            AttachmentReference::Referrer(referrer) => {
                self.image.source.described_manifest(referrer).await
            }
            AttachmentReference::Tag(tag) => self.image.manifest(Selector::Tag(tag)).await,
        };
        match read {
            Ok(manifest) => return Ok(Some(manifest)),
            Err(error) if error.is_not_found() => {
                if let AttachmentReference::Referrer(referrer) = reference {
                    let digest = &referrer.digest;
                    self.note(format!(
                        "the source lists {digest} as a referrer but does not have it, so it is not copied"
                    ));
                }
            }
            Err(error) if error.status() == Some(403) => self.note_refusal(reference, &error),
            Err(error) if is_unreadable(&error) => self.note(format!(
                "{reference} is attached to the image and cannot be copied: the source {error}"
            )),
            Err(error) => return Err(blame(Side::Source)(error)),
        }
        Ok(None)
    }

    /// Whether the destination needs nothing of what the source has as `reference`.
    async fn is_present(
        &self,
        reference: &AttachmentReference,
        manifest: &Manifest,
    ) -> Result<bool, CopyError> {
        let wanted = &manifest.digest;
        let destination = self.destination;
        let complete = &destination.state.manifests;
        let tag = match reference {
            AttachmentReference::Tag(tag) => tag,
            AttachmentReference::Referrer(_) => {
                let existing = destination.image.resolve(reference.selector());
                let is_present = match existing.await {
                    Ok(existing) => existing.is_some_and(|digest| digest == *wanted),
                    Err(error) if error.status() == Some(403) => false,
                    Err(error) => return Err(blame(Side::Destination)(error)),
                };
                if is_present {
                    complete.insert(&destination.scope, wanted);
                }
                return Ok(is_present);
            }
        };
        let cosign = CosignTag { destination, tag };
        match cosign.compare(manifest).await? {
            TagContent::Nothing | TagContent::Incomplete(_) => Ok(false),
            TagContent::Complete(existing) => {
                complete.insert(&destination.scope, &existing);
                Ok(true)
            }
            TagContent::Other(existing) => {
                self.note(unmergeable_note(tag, &existing, wanted));
                Ok(true)
            }
        }
    }

    /// Notes what the source refuses to show. Where the tag list is refused too, each tag is asked for, and some
    /// registries refuse those that do not exist (quirk 25, see registry/quirks.md); so note only one tag an image.
    fn note_refusal(&self, reference: &AttachmentReference, error: &Error) {
        match reference {
            AttachmentReference::Referrer(referrer) => self.note(format!(
                "the source lists {} as a referrer and refuses to show it, so it is not copied: it {error}",
                referrer.digest
            )),
            AttachmentReference::Tag(tag) if !self.has_noted_refusal.swap(true, Relaxed) => self.note(format!(
                "the source refuses to show {tag}, so signatures under such tags are not copied: it {error}"
            )),
            AttachmentReference::Tag(_) => {}
        }
    }

    fn note(&self, text: String) {
        (self.report)(Report::Noted(text));
    }
}

/// Whether the manifest is of a kind that cannot be copied. A manifest that is refused as an attack is an error
/// instead.
fn is_unreadable(error: &Error) -> bool {
    let Some(problem) = error.manifest_problem() else {
        return false;
    };
    match problem {
        ManifestError::Json(_)
        | ManifestError::Schema1
        | ManifestError::Unknown(_)
        | ManifestError::UnknownType => true,
        ManifestError::Ambiguous(_) | ManifestError::TooMany { .. } => false,
    }
}

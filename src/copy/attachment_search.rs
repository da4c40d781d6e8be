//! Finds what is attached to an image's manifests at the source: referrers at every level, and cosign tags.
//!
//! Decides where to look, with few requests: one referrers list a manifest and one tag list a repository. Invariant:
//! an attachment that cannot be read is noted, never skipped silently.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    CopyError, Report,
    attachment::Attachment,
    cosign_tag::{CosignTag, TagContent, unmergeable_note},
    error::blame,
    graph::Graph,
    image_limits::{MAX_DEPTH, MAX_PENDING, MAX_READS},
    image_source::ImageSource,
    registry_state::RegistryState,
};
use crate::{
    batch::Side,
    oci::{Attachments, Descriptor, Digest, Manifest, ManifestError, Repository, Tag, Version},
    registry::{Error, ErrorCause, Referrers, ReferrersApi},
};

pub(super) struct AttachmentSearch<'a> {
    pub attachments: Attachments,
    pub image: ImageSource<'a>,
    pub source: &'a RegistryState,
    pub destination: &'a RegistryState,
    pub destination_repository: &'a Repository,
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

    fn version(&self) -> Version {
        match self {
            Self::Referrer(referrer) => Version::Digest(referrer.digest.clone()),
            Self::Tag(tag) => Version::Tag(tag.clone()),
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
        let cache = &self.source.referrers;
        let ImageSource {
            client,
            repository,
            budget,
        } = self.image;
        let api = match cache.has_no_api() {
            true => ReferrersApi::Missing,
            false => client
                .referrers_api(repository, subject, budget)
                .await
                .map_err(blame(Side::Source))?,
        };
        let may_be_tagged = match (&api, Attachments::fallback_tag(subject)) {
            (ReferrersApi::Listed(_), _) | (_, None) => false,
            (ReferrersApi::Missing | ReferrersApi::Refused(_), Some(tag)) => {
                self.may_exist(&tag).await?
            }
        };
        if let ReferrersApi::Missing = api {
            cache.mark_no_api();
        }
        let found = client.referrers_after(api, repository, subject, may_be_tagged, budget);
        match found.await.map_err(blame(Side::Source))? {
            Referrers::Listed(referrers) | Referrers::Tagged(referrers) => Ok(referrers),
            Referrers::Refused(error) => {
                self.note(format!(
                    "the source refused to list the referrers of {subject}, so they are not copied: {error}"
                ));
                Ok(Vec::new())
            }
        }
    }

    async fn may_exist(&self, tag: &Tag) -> Result<bool, CopyError> {
        let (client, repository) = (self.image.client, self.image.repository);
        let may_exist = self.source.referrers.may_exist(client, repository, tag);
        may_exist.await.map_err(blame(Side::Source))
    }

    async fn read_all(
        &self,
        references: &[AttachmentReference],
        known: &HashSet<Digest>,
    ) -> Result<Vec<FoundAttachment>, CopyError> {
        let referrers = references.iter().filter_map(AttachmentReference::referrer);
        let admitted = (self.image.client).admit_manifests(self.image.budget, referrers);
        admitted.await.map_err(blame(Side::Source))?;
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
        let version = reference.version();
        let Some(manifest) = self.read_manifest(reference, &version).await? else {
            return Ok(None);
        };
        let is_present = self.attachments.recheck && self.is_present(&version, &manifest).await?;
        let (tag, is_alias) = match version {
            Version::Tag(tag) => (Some(tag), known.contains(&manifest.digest)),
            Version::Digest(_) => (None, false),
        };
        let is_complete = |digest: &Digest| {
            let manifests = &self.destination.manifests;
            manifests.contains(self.destination_repository, digest)
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
        version: &Version,
    ) -> Result<Option<Manifest>, CopyError> {
        let (client, repository) = (self.image.client, self.image.repository);
        let read = match reference {
            AttachmentReference::Referrer(referrer) => {
                client.described_manifest(repository, referrer).await
            }
            AttachmentReference::Tag(_) => self.image.manifest(version).await,
        };
        match read {
            Ok(manifest) => return Ok(Some(manifest)),
            Err(error) if error.is_not_found() => {
                if let Version::Digest(digest) = version {
                    self.note(format!(
                        "the source lists {digest} as a referrer but does not have it, so it is not copied"
                    ));
                }
            }
            Err(error) if error.status() == Some(403) => self.note_refusal(version, &error),
            Err(error) if is_unreadable(&error) => self.note(format!(
                "{version} is attached to the image and cannot be copied: the source {error}"
            )),
            Err(error) => return Err(blame(Side::Source)(error)),
        }
        Ok(None)
    }

    /// Whether the destination needs nothing of what the source has as `version`.
    async fn is_present(&self, version: &Version, manifest: &Manifest) -> Result<bool, CopyError> {
        let wanted = &manifest.digest;
        let (destination, repository) = (self.destination, self.destination_repository);
        let tag = match version {
            Version::Tag(tag) => tag,
            Version::Digest(_) => {
                let head = destination.client.manifest_head(repository, version);
                let is_present = match head.await {
                    Ok(head) => head.is_some_and(|head| head.digest == *wanted),
                    Err(error) if error.status() == Some(403) => false,
                    Err(error) => return Err(blame(Side::Destination)(error)),
                };
                if is_present {
                    destination.manifests.insert(repository, wanted);
                }
                return Ok(is_present);
            }
        };
        let cosign = CosignTag {
            destination,
            repository,
            tag,
        };
        match cosign.compare(manifest).await? {
            TagContent::Nothing | TagContent::Incomplete(_) => Ok(false),
            TagContent::Complete(existing) => {
                destination.manifests.insert(repository, &existing);
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
    fn note_refusal(&self, version: &Version, error: &Error) {
        match version {
            Version::Digest(digest) => self.note(format!(
                "the source lists {digest} as a referrer and refuses to show it, so it is not copied: it {error}"
            )),
            Version::Tag(tag) if !self.has_noted_refusal.swap(true, Relaxed) => self.note(format!(
                "the source refuses to show {tag}, so signatures under such tags are not copied: it {error}"
            )),
            Version::Tag(_) => {}
        }
    }

    fn note(&self, text: String) {
        (self.report)(Report::Noted(text));
    }
}

/// Whether the manifest is of a kind that cannot be copied. A manifest that is refused as an attack is an error
/// instead.
fn is_unreadable(error: &Error) -> bool {
    let ErrorCause::Manifest(problem) = &*error.cause else {
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

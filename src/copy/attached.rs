//! What is attached to an image's manifests at the source: referrers at every level, and cosign's tags.
//!
//! Decides where to look and asks as little as it can: one referrers list per manifest, one tag list per
//! repository, and nothing of a registry that once said it has no referrers list. Invariant: what cannot be
//! found out is said, not skipped in silence.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;

use super::{
    CopyError, Report, Side,
    error::blame,
    graph::{DEEPEST, Graph, READERS},
    site::Site,
};
use crate::{
    oci::{Attachments, Digest, Manifest, Repository, Tag, Version},
    registry::{Class, Error, ErrorCause, Referrers, SingleFlight},
};

/// More than this many for one image are a mistake or an attack.
const MOST_ATTACHED: usize = 2_000;

/// What a batch learned of one registry's attachments.
#[derive(Default)]
pub(super) struct Known {
    /// The registry has no referrers list.
    no_api: AtomicBool,
    tags: Mutex<HashMap<Repository, Arc<SingleFlight<AttachedTags, Error>>>>,
    /// Manifests whose attachments were brought here.
    complete: Mutex<HashSet<(Repository, Digest)>>,
    /// Who may change the fallback index of a subject.
    listing: Mutex<HashMap<(Repository, Digest), Arc<Semaphore>>>,
}

/// The tags of a repository that may be attachments; `None` where the registry does not list its tags.
type AttachedTags = Option<HashSet<Box<str>>>;

/// A manifest that belongs to another one, and what is below it.
pub(super) struct Attachment {
    pub graph: Graph,
    /// The tag it is found by; others are found by their subject.
    pub tag: Option<Tag>,
    /// Whether the destination has it under the same name.
    pub there: bool,
}

impl Known {
    pub(super) fn is_complete(&self, repository: &Repository, subject: &Digest) -> bool {
        let complete = self.complete.lock().unwrap_or_else(PoisonError::into_inner);
        complete.contains(&(repository.clone(), subject.clone()))
    }

    pub(super) fn complete(&self, repository: &Repository, subjects: &[Digest]) {
        let mut complete = self.complete.lock().unwrap_or_else(PoisonError::into_inner);
        complete.extend(
            subjects
                .iter()
                .map(|subject| (repository.clone(), subject.clone())),
        );
    }

    /// One permit: the fallback index of `subject` is changed by one at a time (quirk 46).
    pub(super) fn listing(&self, repository: &Repository, subject: &Digest) -> Arc<Semaphore> {
        let mut listing = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (repository.clone(), subject.clone());
        let one = listing
            .entry(key)
            .or_insert_with(|| Arc::new(Semaphore::new(1)));
        Arc::clone(one)
    }
}

/// Looks for what is attached to the manifests of one image.
pub(super) struct Search<'a> {
    pub wanted: Attachments,
    pub source: &'a Site,
    pub from: &'a Repository,
    pub destination: &'a Site,
    pub into: &'a Repository,
    pub report: &'a (dyn Fn(Report) + Send + Sync),
}

impl Search<'_> {
    /// Everything attached to `subjects`, what is attached to that, and so on: generation by generation, so
    /// that a subject always comes before what refers to it. `seen` are the manifests known already.
    pub(super) async fn run(
        &self,
        mut subjects: Vec<Digest>,
        seen: &mut HashSet<Digest>,
    ) -> Result<Vec<Vec<Attachment>>, CopyError> {
        let mut generations: Vec<Vec<Attachment>> = Vec::new();
        let mut count = 0;
        while !subjects.is_empty() {
            let searches: Vec<_> = subjects
                .iter()
                .map(|subject| self.attached_to(subject))
                .collect();
            let found: Vec<Vec<Version>> = stream::iter(searches)
                .buffered(READERS)
                .try_collect()
                .await?;
            let found = found.into_iter().flatten().filter(|version| match version {
                Version::Digest(digest) => seen.insert(digest.clone()),
                Version::Tag(_) => true,
            });
            let found: Vec<Version> = found.collect();
            count += found.len();
            if count > MOST_ATTACHED {
                return Err(CopyError::TooMany(MOST_ATTACHED));
            }
            let reads: Vec<_> = found
                .into_iter()
                .map(|version| self.read(version))
                .collect();
            let generation: Vec<Option<Attachment>> =
                stream::iter(reads).buffered(READERS).try_collect().await?;
            let generation: Vec<Attachment> = generation.into_iter().flatten().collect();
            subjects = generation
                .iter()
                .flat_map(|attachment| attachment.graph.manifests())
                .map(|manifest| manifest.digest.clone())
                .collect();
            seen.extend(subjects.iter().cloned());
            if !generation.is_empty() {
                generations.push(generation);
            }
            if generations.len() > DEEPEST {
                return Err(CopyError::TooDeep(DEEPEST));
            }
        }
        Ok(generations)
    }

    async fn attached_to(&self, subject: &Digest) -> Result<Vec<Version>, CopyError> {
        let mut found = Vec::new();
        if self.wanted.referrers {
            found.extend(
                self.referrers(subject)
                    .await?
                    .into_iter()
                    .map(Version::Digest),
            );
        }
        if self.wanted.cosign_tags {
            for tag in Attachments::cosign_tags(subject) {
                if self.may_exist(&tag).await? {
                    found.push(Version::Tag(tag));
                }
            }
        }
        Ok(found)
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Digest>, CopyError> {
        let known = &self.source.attached;
        let mut refused = None;
        if !known.no_api.load(Relaxed) {
            let answer = self.source.client.referrers(self.from, subject).await;
            match answer.map_err(blame(Side::Source))? {
                Referrers::Listed(listed) => {
                    return Ok(listed.into_iter().map(|referrer| referrer.digest).collect());
                }
                Referrers::NoApi => known.no_api.store(true, Relaxed),
                Referrers::Refused(said) => refused = Some(said),
            }
        }
        let index = match Attachments::fallback_tag(subject) {
            Some(tag) if self.may_exist(&tag).await? => self.manifest(&Version::Tag(tag)).await?,
            _ => None,
        };
        match (index, refused) {
            (Some(index), _) => Ok(index
                .children()
                .iter()
                .map(|referrer| referrer.digest.clone())
                .collect()),
            (None, Some(said)) => {
                self.note(format!(
                    "the source would not list what refers to {subject}, so that is not copied: {said}"
                ));
                Ok(Vec::new())
            }
            (None, None) => Ok(Vec::new()),
        }
    }

    /// Whether the source may have `tag`: its tag list says, or else the tag has to be asked for.
    async fn may_exist(&self, tag: &Tag) -> Result<bool, CopyError> {
        let cell = {
            let tags = &self.source.attached.tags;
            let mut tags = tags.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(tags.entry(self.from.clone()).or_default())
        };
        let ask = || async {
            match self.source.client.tags(self.from).await {
                Ok(tags) => Ok(Some(
                    tags.into_iter()
                        .filter(|tag| Attachments::may_be_tag(tag))
                        .map(String::into_boxed_str)
                        .collect(),
                )),
                Err(error) if is_passing(&error) => Err(error),
                Err(_) => Ok(None),
            }
        };
        let tags = cell.get_or_try_init(ask).await;
        let tags = tags.map_err(blame(Side::Source))?.as_ref();
        Ok(tags.is_none_or(|tags| tags.contains(tag.as_str())))
    }

    async fn read(&self, version: Version) -> Result<Option<Attachment>, CopyError> {
        let manifest = match self.manifest(&version).await {
            Ok(Some(manifest)) => manifest,
            Ok(None) => {
                if let Version::Digest(digest) = version {
                    self.note(format!(
                        "the source lists {digest} as a referrer but does not hold it; it is not copied"
                    ));
                }
                return Ok(None);
            }
            Err(error) if is_unreadable(&error) => {
                self.note(format!(
                    "{version} belongs to the image and cannot be copied: the source {error}"
                ));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let there = self.wanted.recheck && self.holds(&version, &manifest.digest).await?;
        if there {
            self.destination.add_manifest(self.into, &manifest.digest);
        }
        let is_complete = |digest: &Digest| self.destination.has_manifest(self.into, digest);
        let graph = if is_complete(&manifest.digest) {
            Graph::of(manifest)
        } else {
            Graph::read(&self.source.client, self.from, manifest, &is_complete).await?
        };
        let tag = match version {
            Version::Tag(tag) => Some(tag),
            Version::Digest(_) => None,
        };
        Ok(Some(Attachment { graph, tag, there }))
    }

    /// Whether the destination has `digest` under the name it has at the source.
    async fn holds(&self, version: &Version, digest: &Digest) -> Result<bool, CopyError> {
        let head = self.destination.client.manifest_head(self.into, version);
        match head.await {
            Ok(head) => Ok(head.is_some_and(|head| head.digest == *digest)),
            Err(error) if error.status() == Some(403) => Ok(false),
            Err(error) => Err(blame(Side::Destination)(error)),
        }
    }

    /// A manifest of the source, `None` if it is not there or the source will not say (quirk 25).
    async fn manifest(&self, version: &Version) -> Result<Option<Manifest>, CopyError> {
        match self.source.client.manifest(self.from, version).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(error) if error.is_not_found() || error.status() == Some(403) => Ok(None),
            Err(error) => Err(blame(Side::Source)(error)),
        }
    }

    fn note(&self, text: String) {
        (self.report)(Report::Noted(text));
    }
}

/// Whether it is of a kind that nothing here knows how to copy.
fn is_unreadable(error: &CopyError) -> bool {
    matches!(error, CopyError::Registry { error, .. }
        if matches!(*error.cause, ErrorCause::Manifest(_)))
}

fn is_passing(error: &Error) -> bool {
    matches!(error.class(), Class::Transient { .. } | Class::Internal)
}

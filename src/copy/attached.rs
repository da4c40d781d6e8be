//! What is attached to an image's manifests at the source: referrers at every level, and cosign's tags.
//!
//! Decides where to look and asks as little as it can: one referrers list per manifest, one tag list per
//! repository, and nothing of a registry that once said it has no referrers list. Invariant: what cannot be
//! found out is said, not skipped in silence.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::{OnceCell, Semaphore};

use super::{
    CopyError, Report, Side,
    error::blame,
    graph::{DEEPEST, Graph, Origin, READERS, TOGETHER},
    site::Site,
};
use crate::{
    oci::{Attachments, Descriptor, Digest, Manifest, ManifestError, Repository, Tag, Version},
    registry::{Class, Error, ErrorCause, Referrers},
};

/// Tags of one registry that are kept because they may be attachments. Where there are more, tags are asked for.
const MOST_TAGS: usize = 100_000;

/// What a batch learned of one registry's attachments.
#[derive(Default)]
pub(super) struct Known {
    /// The registry has no referrers list.
    no_api: AtomicBool,
    tags: Mutex<HashMap<Repository, Arc<OnceCell<AttachedTags>>>>,
    /// How many tags are in `tags`.
    tag_count: AtomicUsize,
    /// Manifests whose attachments were brought here.
    complete: Mutex<HashSet<(Repository, Digest)>>,
    /// Who may change the fallback index of a subject.
    listing: Mutex<HashMap<(Repository, Digest), Arc<Semaphore>>>,
}

/// The tags of a repository that may be attachments.
enum AttachedTags {
    /// The registry does not list its tags, or lists more than are kept.
    Unknown,
    /// By their hashes: of tags that are as long as a digest that is a tenth of the memory, and two with the same
    /// hash cost one request.
    Hashed(RandomState, HashSet<u64>),
}

impl AttachedTags {
    fn may_hold(&self, tag: &Tag) -> bool {
        match self {
            Self::Unknown => true,
            Self::Hashed(state, hashes) => hashes.contains(&state.hash_one(tag.as_str())),
        }
    }
}

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

/// What is attached to a manifest, before it is read.
enum Found {
    Referrer(Box<Descriptor>),
    Tag(Tag),
}

impl Found {
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

/// Looks for what is attached to the manifests of one image.
pub(super) struct Search<'a> {
    pub wanted: Attachments,
    pub origin: Origin<'a>,
    pub source: &'a Site,
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
        while !subjects.is_empty() {
            let mut found: Vec<Found> = Vec::new();
            for some in subjects.chunks(TOGETHER) {
                let searches: Vec<_> = some
                    .iter()
                    .map(|subject| self.attached_to(subject))
                    .collect();
                let mut searches = stream::iter(searches).buffered(READERS);
                while let Some(attached) = searches.try_next().await? {
                    found.extend(attached.into_iter().filter(|found| match found {
                        Found::Referrer(referrer) => seen.insert(referrer.digest.clone()),
                        Found::Tag(_) => true,
                    }));
                }
            }
            let referrers = found.iter().filter_map(Found::referrer);
            let admitted = (self.origin.client).admit_manifests(self.origin.budget, referrers);
            admitted.await.map_err(blame(Side::Source))?;
            let mut generation: Vec<Attachment> = Vec::new();
            for some in found.chunks(TOGETHER) {
                let reads: Vec<_> = some.iter().map(|found| self.read(found)).collect();
                let mut reads = stream::iter(reads).buffered(READERS);
                while let Some(attachment) = reads.try_next().await? {
                    generation.extend(attachment);
                }
            }
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

    async fn attached_to(&self, subject: &Digest) -> Result<Vec<Found>, CopyError> {
        let mut found = Vec::new();
        if self.wanted.referrers {
            let referrers = self.referrers(subject).await?;
            found.extend(referrers.into_iter().map(Box::new).map(Found::Referrer));
        }
        if self.wanted.cosign_tags {
            for tag in Attachments::cosign_tags(subject) {
                if self.may_exist(&tag).await? {
                    found.push(Found::Tag(tag));
                }
            }
        }
        Ok(found)
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, CopyError> {
        let known = &self.source.attached;
        let mut refused = None;
        if !known.no_api.load(Relaxed) {
            let Origin {
                client,
                repository,
                budget,
            } = self.origin;
            let answer = client.referrers(repository, subject, budget).await;
            match answer.map_err(blame(Side::Source))? {
                Referrers::Listed(listed) => return Ok(listed),
                Referrers::NoApi => known.no_api.store(true, Relaxed),
                Referrers::Refused(said) => refused = Some(said),
            }
        }
        let index = match Attachments::fallback_tag(subject) {
            Some(tag) if self.may_exist(&tag).await? => self.manifest(&Version::Tag(tag)).await?,
            _ => None,
        };
        match (index, refused) {
            (Some(index), _) => Ok(index.children().to_vec()),
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
            Arc::clone(tags.entry(self.origin.repository.clone()).or_default())
        };
        let ask = || async {
            let count = &self.source.attached.tag_count;
            let (state, mut hashes) = (RandomState::new(), HashSet::new());
            let mut take = |tag: &str| {
                // Some registries repeat tags from page to page; each is counted once.
                let is_more = Attachments::may_be_tag(tag) && hashes.insert(state.hash_one(tag));
                !is_more || count.fetch_add(1, Relaxed) < MOST_TAGS
            };
            let listed = (self.origin.client).for_each_tag(self.origin.repository, &mut take);
            let error = match listed.await {
                Ok(()) => return Ok(AttachedTags::Hashed(state, hashes)),
                Err(error) => error,
            };
            count.fetch_sub(hashes.len(), Relaxed);
            match is_passing(&error) {
                true => Err(error),
                false => Ok(AttachedTags::Unknown),
            }
        };
        let tags = cell.get_or_try_init(ask).await;
        Ok(tags.map_err(blame(Side::Source))?.may_hold(tag))
    }

    async fn read(&self, found: &Found) -> Result<Option<Attachment>, CopyError> {
        let version = found.version();
        let manifest = match found {
            Found::Referrer(referrer) => {
                let origin = &self.origin;
                let read = origin
                    .client
                    .described_manifest(origin.repository, referrer);
                there(read.await)
            }
            Found::Tag(_) => self.manifest(&version).await,
        };
        let manifest = match manifest {
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
            Graph::read(self.origin, manifest, &is_complete).await?
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
        there(self.origin.manifest(version).await)
    }

    fn note(&self, text: String) {
        (self.report)(Report::Noted(text));
    }
}

fn there(read: Result<Manifest, Error>) -> Result<Option<Manifest>, CopyError> {
    match read {
        Ok(manifest) => Ok(Some(manifest)),
        Err(error) if error.is_not_found() || error.status() == Some(403) => Ok(None),
        Err(error) => Err(blame(Side::Source)(error)),
    }
}

/// Whether it is of a kind that nothing here knows how to copy. What is refused as an attack is not.
fn is_unreadable(error: &CopyError) -> bool {
    let CopyError::Registry { error, .. } = error else {
        return false;
    };
    let ErrorCause::Manifest(problem) = &*error.cause else {
        return false;
    };
    match problem {
        ManifestError::Json(_)
        | ManifestError::Schema1
        | ManifestError::Unknown(_)
        | ManifestError::Shapeless => true,
        ManifestError::Ambiguous(_) | ManifestError::TooMany { .. } => false,
    }
}

fn is_passing(error: &Error) -> bool {
    matches!(error.class(), Class::Transient { .. } | Class::Internal)
}

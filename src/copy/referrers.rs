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
use tokio::sync::Semaphore;

use super::{
    CopyError, Report,
    cosign::{CosignTag, Found},
    error::blame,
    graph::{Graph, MAX_DEPTH, Origin, READERS, TOGETHER},
    push_manifests::kept,
    registry_state::RegistryState,
};
use crate::{
    batch::Side,
    oci::{
        Attachments, Descriptor, Digest, Manifest, ManifestError, Registry, Repository, Tag,
        Version,
    },
    registry::{Error, ErrorCause, FailureClass, Referrers, ReferrersApi, SingleFlight},
};

/// Tags of one registry that are kept because they may be attachments. Where there are more, tags are asked for.
const MOST_TAGS: usize = 100_000;

/// What a batch learned of one registry's attachments.
#[derive(Default)]
pub(super) struct ReferrerCache {
    /// The registry has no referrers list.
    no_api: AtomicBool,
    tags: Mutex<HashMap<Repository, Arc<SingleFlight<AttachedTags, Error>>>>,
    /// How many tags are in `tags`.
    tag_count: AtomicUsize,
    /// Manifests whose attachments were brought here, and from where: two repositories may have the same image
    /// with different signatures.
    complete: Mutex<HashSet<Brought>>,
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

/// What is attached to a manifest, before it is read.
enum Located {
    Referrer(Box<Descriptor>),
    Tag(Tag),
}

impl Located {
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

/// What was found of an attachment.
enum Read {
    Attachment(Attachment),
    /// A tag for a manifest that was taken already.
    Name(Attachment),
}

/// What is attached to a manifest was brought from one repository into another.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Brought {
    pub registry: Registry,
    pub from: Repository,
    pub into: Repository,
    pub subject: Digest,
}

impl ReferrerCache {
    pub(super) fn is_complete(&self, brought: &Brought) -> bool {
        let complete = self.complete.lock().unwrap_or_else(PoisonError::into_inner);
        complete.contains(brought)
    }

    pub(super) fn complete(&self, brought: impl IntoIterator<Item = Brought>) {
        let mut complete = self.complete.lock().unwrap_or_else(PoisonError::into_inner);
        complete.extend(brought);
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
    pub origin: Origin<'a>,
    pub source: &'a RegistryState,
    pub destination: &'a RegistryState,
    pub into: &'a Repository,
    pub report: &'a (dyn Fn(Report) + Send + Sync),
    /// Whether it was said that the source would not show what is under cosign's tags.
    pub hidden: AtomicBool,
}

impl Search<'_> {
    /// Everything attached to `subjects`, what is attached to that, and so on: generation by generation, so
    /// that a subject always comes before what refers to it. `taken` are the manifests known already.
    ///
    /// A registry may say that manifests belong to each other in a circle, and a tag may name what it belongs
    /// to. A manifest is taken once, and what is attached to it looked for once. A tag that names a manifest
    /// that was taken comes last.
    pub(super) async fn run(
        &self,
        mut subjects: Vec<Digest>,
        mut taken: HashSet<Digest>,
    ) -> Result<Vec<Vec<Attachment>>, CopyError> {
        let mut generations: Vec<Vec<Attachment>> = Vec::new();
        let mut names = Vec::new();
        let mut searched = taken.clone();
        while !subjects.is_empty() {
            let mut found: Vec<Located> = Vec::new();
            for some in subjects.chunks(TOGETHER) {
                let searches: Vec<_> = some
                    .iter()
                    .map(|subject| self.attached_to(subject))
                    .collect();
                let mut searches = stream::iter(searches).buffered(READERS);
                while let Some(attached) = searches.try_next().await? {
                    found.extend(attached.into_iter().filter(|found| match found {
                        Located::Referrer(referrer) => taken.insert(referrer.digest.clone()),
                        Located::Tag(_) => true,
                    }));
                }
            }
            let referrers = found.iter().filter_map(Located::referrer);
            let admitted = (self.origin.client).admit_manifests(self.origin.budget, referrers);
            admitted.await.map_err(blame(Side::Source))?;
            let mut read: Vec<Read> = Vec::new();
            for some in found.chunks(TOGETHER) {
                let reads: Vec<_> = some.iter().map(|found| self.read(found, &taken)).collect();
                let mut reads = stream::iter(reads).buffered(READERS);
                while let Some(attachment) = reads.try_next().await? {
                    read.extend(attachment);
                }
            }
            let mut generation = Vec::new();
            subjects.clear();
            for read in read {
                match read {
                    Read::Name(name) => names.push(name),
                    Read::Attachment(attachment) => {
                        let manifests = attachment.graph.manifests();
                        let new = manifests.filter(|new| searched.insert(new.digest.clone()));
                        subjects.extend(new.map(|manifest| manifest.digest.clone()));
                        generation.push(attachment);
                    }
                }
            }
            taken.extend(subjects.iter().cloned());
            if !generation.is_empty() {
                generations.push(generation);
            }
            if generations.len() > MAX_DEPTH {
                return Err(CopyError::TooDeep(MAX_DEPTH));
            }
        }
        if !names.is_empty() {
            generations.push(names);
        }
        Ok(generations)
    }

    async fn attached_to(&self, subject: &Digest) -> Result<Vec<Located>, CopyError> {
        let mut found = Vec::new();
        if self.wanted.referrers {
            let referrers = self.referrers(subject).await?;
            found.extend(referrers.into_iter().map(Box::new).map(Located::Referrer));
        }
        if self.wanted.cosign_tags {
            for tag in Attachments::cosign_tags(subject) {
                if self.may_exist(&tag).await? {
                    found.push(Located::Tag(tag));
                }
            }
        }
        Ok(found)
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, CopyError> {
        let known = &self.source.referrer_cache;
        let Origin {
            client,
            repository,
            budget,
        } = self.origin;
        let api = match known.no_api.load(Relaxed) {
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
            known.no_api.store(true, Relaxed);
        }
        let found = client.referrers_after(api, repository, subject, may_be_tagged, budget);
        match found.await.map_err(blame(Side::Source))? {
            Referrers::Listed(referrers) | Referrers::Tagged(referrers) => Ok(referrers),
            Referrers::Refused(error) => {
                self.note(format!(
                    "the source would not list what refers to {subject}, so that is not copied: {error}"
                ));
                Ok(Vec::new())
            }
        }
    }

    /// Whether the source may have `tag`: its tag list says, or else the tag has to be asked for.
    async fn may_exist(&self, tag: &Tag) -> Result<bool, CopyError> {
        let cell = {
            let tags = &self.source.referrer_cache.tags;
            let mut tags = tags.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(tags.entry(self.origin.repository.clone()).or_default())
        };
        let ask = || async {
            let count = &self.source.referrer_cache.tag_count;
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

    async fn read(
        &self,
        located: &Located,
        taken: &HashSet<Digest>,
    ) -> Result<Option<Read>, CopyError> {
        let version = located.version();
        let (client, repository) = (self.origin.client, self.origin.repository);
        let read = match located {
            Located::Referrer(referrer) => client.described_manifest(repository, referrer).await,
            Located::Tag(_) => self.origin.manifest(&version).await,
        };
        let manifest = match read {
            Ok(manifest) => manifest,
            Err(error) if error.is_not_found() => {
                if let Version::Digest(digest) = version {
                    self.note(format!(
                        "the source lists {digest} as a referrer but does not hold it; it is not copied"
                    ));
                }
                return Ok(None);
            }
            Err(error) if error.status() == Some(403) => {
                self.note_hidden(&version, &error);
                return Ok(None);
            }
            Err(error) if is_unreadable(&error) => {
                self.note(format!(
                    "{version} belongs to the image and cannot be copied: the source {error}"
                ));
                return Ok(None);
            }
            Err(error) => return Err(blame(Side::Source)(error)),
        };
        let there = self.wanted.recheck && self.holds(&version, &manifest).await?;
        let (tag, is_name) = match version {
            Version::Tag(tag) => (Some(tag), taken.contains(&manifest.digest)),
            Version::Digest(_) => (None, false),
        };
        let is_complete = |digest: &Digest| self.destination.has_manifest(self.into, digest);
        let graph = if there || is_name || is_complete(&manifest.digest) {
            Graph::of(manifest)
        } else {
            Graph::read(self.origin, manifest, &is_complete).await?
        };
        let attachment = Attachment { graph, tag, there };
        Ok(Some(match is_name {
            true => Read::Name(attachment),
            false => Read::Attachment(attachment),
        }))
    }

    /// Whether nothing is to be written for what the source has as `version`.
    async fn holds(&self, version: &Version, manifest: &Manifest) -> Result<bool, CopyError> {
        let wanted = &manifest.digest;
        let tag = match version {
            Version::Tag(tag) => tag,
            Version::Digest(_) => {
                let head = self.destination.client.manifest_head(self.into, version);
                let holds = match head.await {
                    Ok(head) => head.is_some_and(|head| head.digest == *wanted),
                    Err(error) if error.status() == Some(403) => false,
                    Err(error) => return Err(blame(Side::Destination)(error)),
                };
                if holds {
                    self.destination.add_manifest(self.into, wanted);
                }
                return Ok(holds);
            }
        };
        let cosign = CosignTag {
            destination: self.destination,
            into: self.into,
            tag,
        };
        match cosign.compare(manifest).await? {
            Found::Nothing | Found::Incomplete(_) => Ok(false),
            Found::Complete(there) => {
                self.destination.add_manifest(self.into, &there);
                Ok(true)
            }
            Found::Other(there) => {
                self.note(kept(tag, &there, wanted));
                Ok(true)
            }
        }
    }

    /// Says what the source would not show. Where it does not list its tags either, each is asked for, and some
    /// registries refuse those that do not exist (quirk 25): that is said once for an image.
    fn note_hidden(&self, version: &Version, error: &Error) {
        match version {
            Version::Digest(digest) => self.note(format!(
                "the source lists {digest} as a referrer and would not show it, so it is not copied: it {error}"
            )),
            Version::Tag(tag) if !self.hidden.swap(true, Relaxed) => self.note(format!(
                "the source would not say what is under {tag}, so signatures under such tags are not copied: it {error}"
            )),
            Version::Tag(_) => {}
        }
    }

    fn note(&self, text: String) {
        (self.report)(Report::Noted(text));
    }
}

/// Whether it is of a kind that nothing here knows how to copy. What is refused as an attack is not.
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

fn is_passing(error: &Error) -> bool {
    matches!(
        error.class(),
        FailureClass::Transient { .. } | FailureClass::Internal
    )
}

//! What a batch learned of the attachments at one store.
//!
//! Decides what need not be asked or copied again: the referrers API of a registry without one, tags that a
//! repository's tag list does not have, attachments that are copied. Invariant: a failure that may pass is not kept.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
};

use tokio::sync::Semaphore;

use super::scope::Scope;
use crate::{
    batch::FailureClass,
    oci::{Attachments, Digest, Store, Tag},
    registry::SingleFlight,
    transport::{Error, Source},
};

/// Tags of attachments that are kept for one registry. Beyond this, each tag is asked for.
const MAX_TAGS: usize = 100_000;

#[derive(Default)]
pub(super) struct ReferrerCache {
    has_no_api: AtomicBool,
    tags: Mutex<HashMap<Scope, Arc<SingleFlight<AttachmentTags, Error>>>>,
    /// How many tags are in `tags`.
    tag_count: AtomicUsize,
    copied: Mutex<HashSet<CopiedAttachments>>,
    fallback_locks: Mutex<HashMap<(Scope, Digest), Arc<Semaphore>>>,
}

/// The tags of a repository that may be attachments.
enum AttachmentTags {
    /// The registry does not list its tags, or lists more than are kept.
    Unknown,
    /// Their hashes, which take a tenth of the memory. Two tags with one hash cost one request.
    Hashed(RandomState, HashSet<u64>),
}

/// Everything attached to `subject` was copied from one repository to another. Two repositories may have the same
/// image with different signatures.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct CopiedAttachments {
    pub source: Store,
    pub source_scope: Scope,
    pub destination_scope: Scope,
    pub subject: Digest,
}

impl AttachmentTags {
    fn may_hold(&self, tag: &Tag) -> bool {
        match self {
            Self::Unknown => true,
            Self::Hashed(state, hashes) => hashes.contains(&state.hash_one(tag.as_str())),
        }
    }
}

impl ReferrerCache {
    /// Whether the registry has no referrers API.
    pub(super) fn has_no_api(&self) -> bool {
        self.has_no_api.load(Relaxed)
    }

    pub(super) fn mark_no_api(&self) {
        self.has_no_api.store(true, Relaxed);
    }

    pub(super) fn is_copied(&self, attachments: &CopiedAttachments) -> bool {
        let copied = self.copied.lock().unwrap_or_else(PoisonError::into_inner);
        copied.contains(attachments)
    }

    pub(super) fn mark_copied(&self, attachments: impl IntoIterator<Item = CopiedAttachments>) {
        let mut copied = self.copied.lock().unwrap_or_else(PoisonError::into_inner);
        copied.extend(attachments);
    }

    /// The lock of `subject`'s fallback index, of one permit: concurrent updates would lose entries (quirk 46, see
    /// registry/quirks.md).
    pub(super) fn fallback_lock(&self, scope: &Scope, subject: &Digest) -> Arc<Semaphore> {
        let locks = &self.fallback_locks;
        let mut locks = locks.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (scope.clone(), subject.clone());
        let lock = locks.entry(key);
        Arc::clone(lock.or_insert_with(|| Arc::new(Semaphore::new(1))))
    }

    /// Whether the repository may have `tag`, by its tag list, which is read once.
    pub(super) async fn may_exist(
        &self,
        source: &dyn Source,
        scope: &Scope,
        tag: &Tag,
    ) -> Result<bool, Error> {
        let tags = {
            let mut tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(tags.entry(scope.clone()).or_default())
        };
        let tags = tags.get_or_try_init(|| self.read_tags(source));
        Ok(tags.await?.may_hold(tag))
    }

    async fn read_tags(&self, source: &dyn Source) -> Result<AttachmentTags, Error> {
        let (state, mut hashes) = (RandomState::new(), HashSet::new());
        let mut add = |tag: &str| {
            // Some registries repeat tags from page to page; each is counted once.
            let is_new = Attachments::may_be_tag(tag) && hashes.insert(state.hash_one(tag));
            !is_new || self.tag_count.fetch_add(1, Relaxed) < MAX_TAGS
        };
        let error = match source.for_each_tag(&mut add).await {
            Ok(()) => return Ok(AttachmentTags::Hashed(state, hashes)),
            Err(error) => error,
        };
        self.tag_count.fetch_sub(hashes.len(), Relaxed);
        match error.class() {
            FailureClass::Transient { .. } | FailureClass::Internal => Err(error),
            FailureClass::Auth
            | FailureClass::NotFound
            | FailureClass::Rejected
            | FailureClass::Corrupt => Ok(AttachmentTags::Unknown),
        }
    }
}

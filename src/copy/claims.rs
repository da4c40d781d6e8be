//! Who uploads what to one registry: the first who needs a blob owns its upload, everyone else mounts.
//!
//! Decides the next rung of the ladder for a blob in a repository, without asking the registry. Keyed by
//! repository as well as digest: a registry that has a blob shows it only where it was put (quirk 52).
//! Invariant: for one digest at most one upload is under way, and a claim that is dropped unsettled wakes
//! those who wait, one of whom becomes the next owner.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, futures::OwnedNotified};

use crate::{
    batch::JobId,
    oci::{Digest, Repository},
};

#[derive(Default)]
pub(super) struct Claims {
    contents: Mutex<HashMap<Digest, BlobLocations>>,
    /// Looked for ahead of a copy, and not found.
    absent: Mutex<HashSet<(Digest, Repository)>>,
}

#[derive(Default)]
struct BlobLocations {
    repositories: HashMap<Repository, BlobState>,
    /// Made by the first who waits: most of very many contents nobody waits for.
    changed: Option<Arc<Notify>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum BlobState {
    Settled,
    Claimed(JobId),
}

/// What to do about a blob in a repository.
pub(super) enum Claim {
    /// It is there.
    Settled,
    /// Mount it from a repository that has it.
    Mount(Claimed, Repository),
    /// Nobody has it yet: it is the claimant's to bring.
    Upload(Claimed),
    /// Someone is bringing it; claim again after `turn`.
    Wait { owner: JobId, turn: OwnedNotified },
}

/// The right to bring a blob into a repository; given back when dropped.
pub(super) struct Claimed {
    claims: Arc<Claims>,
    digest: Digest,
    repository: Repository,
}

impl Claims {
    pub(super) fn claim(
        self: &Arc<Self>,
        digest: &Digest,
        repository: &Repository,
        image: JobId,
    ) -> Claim {
        let mut contents = self.lock();
        let content = contents.entry(digest.clone()).or_default();
        let waited_for = match content.repositories.get(repository) {
            Some(BlobState::Settled) => return Claim::Settled,
            Some(BlobState::Claimed(owner)) => Some(*owner),
            None => None,
        };
        let from = content
            .repositories
            .iter()
            .find(|(_, place)| **place == BlobState::Settled);
        let from = from.map(|(repository, _)| repository.clone());
        let uploading = content.repositories.values().find_map(|place| match place {
            BlobState::Claimed(owner) => Some(*owner),
            BlobState::Settled => None,
        });
        // Mounts of settled content do not wait for each other; uploads do.
        let owner = waited_for.or(if from.is_none() { uploading } else { None });
        if let Some(owner) = owner {
            // Made under the lock: a notification from here on is not missed.
            let changed = Arc::clone(content.changed.get_or_insert_default());
            let turn = changed.notified_owned();
            return Claim::Wait { owner, turn };
        }
        content
            .repositories
            .insert(repository.clone(), BlobState::Claimed(image));
        let claimed = Claimed {
            claims: Arc::clone(self),
            digest: digest.clone(),
            repository: repository.clone(),
        };
        match from {
            Some(from) => Claim::Mount(claimed, from),
            None => Claim::Upload(claimed),
        }
    }

    /// Takes in that a blob is in a repository, from the journal.
    pub(super) fn remember(&self, digest: Digest, repository: Repository) {
        self.lock()
            .entry(digest)
            .or_default()
            .repositories
            .insert(repository, BlobState::Settled);
    }

    pub(super) fn is_settled(&self, digest: &Digest, repository: &Repository) -> bool {
        let contents = self.lock();
        let place = contents
            .get(digest)
            .and_then(|content| content.repositories.get(repository));
        place == Some(&BlobState::Settled)
    }

    /// Takes in that a blob was looked for in a repository and is not there.
    pub(super) fn mark_absent(&self, digest: Digest, repository: Repository) {
        let mut missing = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        missing.insert((digest, repository));
    }

    pub(super) fn is_absent(&self, digest: &Digest, repository: &Repository) -> bool {
        let missing = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        missing.contains(&(digest.clone(), repository.clone()))
    }

    /// Whether a blob was missed. Serves once: what a failed attempt left behind is found by asking again.
    pub(super) fn take_absent(&self, digest: &Digest, repository: &Repository) -> bool {
        let mut missing = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        missing.remove(&(digest.clone(), repository.clone()))
    }

    /// Takes back that a blob is in a repository.
    pub(super) fn forget(&self, digest: &Digest, repository: &Repository) {
        if let Some(content) = self.lock().get_mut(digest)
            && content.repositories.get(repository) == Some(&BlobState::Settled)
        {
            content.repositories.remove(repository);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, BlobLocations>> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claimed {
    /// The blob is in the repository.
    pub(super) fn settle(self) {
        let mut contents = self.claims.lock();
        if let Some(content) = contents.get_mut(&self.digest) {
            content
                .repositories
                .insert(self.repository.clone(), BlobState::Settled);
        }
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        let mut contents = self.claims.lock();
        if let Some(content) = contents.get_mut(&self.digest) {
            if matches!(
                content.repositories.get(&self.repository),
                Some(BlobState::Claimed(_))
            ) {
                content.repositories.remove(&self.repository);
            }
            if let Some(changed) = &content.changed {
                changed.notify_waiters();
            }
            // Content that nobody could bring is not remembered: a source may name very much of it.
            if content.repositories.is_empty() {
                contents.remove(&self.digest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: JobId = JobId(1);
    const SECOND: JobId = JobId(2);

    fn claims() -> Arc<Claims> {
        Arc::default()
    }

    fn claim(claims: &Arc<Claims>, repository: &str, image: JobId) -> Claim {
        claims.claim(&Digest::of(b"layer"), &repository.parse().unwrap(), image)
    }

    #[test]
    fn the_first_uploads_and_the_others_wait_then_mount() {
        let claims = claims();
        let Claim::Upload(owner) = claim(&claims, "a", FIRST) else {
            panic!("the first owns the upload");
        };
        assert!(matches!(
            claim(&claims, "b", SECOND),
            Claim::Wait { owner: FIRST, .. }
        ));
        owner.settle();
        assert!(matches!(claim(&claims, "a", SECOND), Claim::Settled));
        let Claim::Mount(mount, from) = claim(&claims, "b", SECOND) else {
            panic!("settled elsewhere is mounted");
        };
        assert_eq!(from.as_str(), "a");
        // Another repository mounts at the same time; the same one waits.
        assert!(matches!(claim(&claims, "c", FIRST), Claim::Mount(..)));
        assert!(matches!(
            claim(&claims, "b", FIRST),
            Claim::Wait { owner: SECOND, .. }
        ));
        drop(mount);
    }

    #[tokio::test]
    async fn a_failed_owner_frees_its_claim_and_the_next_waiter_takes_over() {
        let claims = claims();
        let owner = claim(&claims, "a", FIRST);
        let Claim::Wait { turn, .. } = claim(&claims, "b", SECOND) else {
            panic!("the upload is under way");
        };
        drop(owner);
        assert!(claims.lock().is_empty());
        turn.await;
        assert!(matches!(claim(&claims, "b", SECOND), Claim::Upload(_)));
    }

    #[test]
    fn what_the_journal_remembers_is_settled() {
        let claims = claims();
        claims.remember(Digest::of(b"layer"), "a".parse().unwrap());
        assert!(matches!(claim(&claims, "a", FIRST), Claim::Settled));
        assert!(matches!(claim(&claims, "b", FIRST), Claim::Mount(..)));
    }
}

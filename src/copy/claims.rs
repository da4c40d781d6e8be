//! Which image uploads which blob to one store: the first that needs a blob owns its upload, the others mount it.
//!
//! Decides the next step for a blob in a scope, without asking the store. Keyed by scope as well as digest:
//! a registry shows a blob only in the repositories it was put into (quirk 52, see registry/quirks.md). Invariant: each
//! digest has at most one upload under way, and a claim that is dropped unsettled wakes the waiting images, one of which
//! becomes the next owner.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, futures::OwnedNotified};

use super::scope::Scope;
use crate::{batch::JobId, oci::Digest};

#[derive(Default)]
pub(super) struct Claims {
    contents: Mutex<HashMap<Digest, BlobLocations>>,
    /// Blobs that the preflight did not find.
    absent: Mutex<HashSet<(Digest, Scope)>>,
}

#[derive(Default)]
struct BlobLocations {
    scopes: HashMap<Scope, BlobState>,
    /// Created by the first image that waits, since most blobs are waited for by none.
    changed: Option<Arc<Notify>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum BlobState {
    Settled,
    Claimed(JobId),
}

/// What to do about a blob in a scope.
pub(super) enum Claim {
    /// The scope has it.
    Settled,
    /// Mount it from a scope that has it.
    Mount(Claimed, Scope),
    /// No scope has it: the claimant uploads it.
    Upload(Claimed),
    /// Another image uploads it; claim again after `turn`.
    Wait { owner: JobId, turn: OwnedNotified },
}

/// The right to put a blob into a scope. Dropping it releases the claim.
pub(super) struct Claimed {
    claims: Arc<Claims>,
    digest: Digest,
    scope: Scope,
}

impl Claims {
    pub(super) fn claim(self: &Arc<Self>, digest: &Digest, scope: &Scope, image: JobId) -> Claim {
        let mut contents = self.lock();
        let content = contents.entry(digest.clone()).or_default();
        let owner_here = match content.scopes.get(scope) {
            Some(BlobState::Settled) => return Claim::Settled,
            Some(BlobState::Claimed(owner)) => Some(*owner),
            None => None,
        };
        let from = content
            .scopes
            .iter()
            .find(|(_, state)| **state == BlobState::Settled);
        let from = from.map(|(scope, _)| scope.clone());
        let uploading = content.scopes.values().find_map(|state| match state {
            BlobState::Claimed(owner) => Some(*owner),
            BlobState::Settled => None,
        });
        // Mounts of settled content do not wait for each other; uploads do.
        let owner = owner_here.or(if from.is_none() { uploading } else { None });
        if let Some(owner) = owner {
            // Created under the lock, so that no notification is missed.
            let changed = Arc::clone(content.changed.get_or_insert_default());
            let turn = changed.notified_owned();
            return Claim::Wait { owner, turn };
        }
        content
            .scopes
            .insert(scope.clone(), BlobState::Claimed(image));
        let claimed = Claimed {
            claims: Arc::clone(self),
            digest: digest.clone(),
            scope: scope.clone(),
        };
        match from {
            Some(from) => Claim::Mount(claimed, from),
            None => Claim::Upload(claimed),
        }
    }

    /// Records that a scope has a blob, from the journal or the preflight.
    pub(super) fn remember(&self, digest: Digest, scope: Scope) {
        self.lock()
            .entry(digest)
            .or_default()
            .scopes
            .insert(scope, BlobState::Settled);
    }

    pub(super) fn is_settled(&self, digest: &Digest, scope: &Scope) -> bool {
        let contents = self.lock();
        let state = contents
            .get(digest)
            .and_then(|content| content.scopes.get(scope));
        state == Some(&BlobState::Settled)
    }

    /// Records that the preflight did not find a blob.
    pub(super) fn mark_absent(&self, digest: Digest, scope: Scope) {
        let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        absent.insert((digest, scope));
    }

    pub(super) fn is_absent(&self, digest: &Digest, scope: &Scope) -> bool {
        let absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        absent.contains(&(digest.clone(), scope.clone()))
    }

    /// As [`is_absent`](Self::is_absent), once: a failed attempt may upload the blob, so the next one asks again.
    pub(super) fn take_absent(&self, digest: &Digest, scope: &Scope) -> bool {
        let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        absent.remove(&(digest.clone(), scope.clone()))
    }

    /// Removes the record that a scope has a blob.
    pub(super) fn forget(&self, digest: &Digest, scope: &Scope) {
        if let Some(content) = self.lock().get_mut(digest)
            && content.scopes.get(scope) == Some(&BlobState::Settled)
        {
            content.scopes.remove(scope);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, BlobLocations>> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claimed {
    /// Records that the scope has the blob now.
    pub(super) fn settle(self) {
        let mut contents = self.claims.lock();
        if let Some(content) = contents.get_mut(&self.digest) {
            content
                .scopes
                .insert(self.scope.clone(), BlobState::Settled);
        }
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        let mut contents = self.claims.lock();
        if let Some(content) = contents.get_mut(&self.digest) {
            if matches!(content.scopes.get(&self.scope), Some(BlobState::Claimed(_))) {
                content.scopes.remove(&self.scope);
            }
            if let Some(changed) = &content.changed {
                changed.notify_waiters();
            }
            // A source may name very many blobs that it does not have.
            if content.scopes.is_empty() {
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

    fn scope(repository: &str) -> Scope {
        Scope::Repository(repository.parse().unwrap())
    }

    fn claim(claims: &Arc<Claims>, repository: &str, image: JobId) -> Claim {
        claims.claim(&Digest::of(b"layer"), &scope(repository), image)
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
        assert_eq!(from, scope("a"));
        // Another scope mounts at the same time; the same one waits.
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
        claims.remember(Digest::of(b"layer"), scope("a"));
        assert!(matches!(claim(&claims, "a", FIRST), Claim::Settled));
        assert!(matches!(claim(&claims, "b", FIRST), Claim::Mount(..)));
    }
}

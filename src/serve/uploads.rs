//! The open upload sessions (distribution-spec "Pushing a blob in chunks").
//!
//! Decides how many there may be and how long: until the process ends, or for [`UploadLimits::kept`] without a request.
//! Invariant: a session becomes a blob only if its content has the digest.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{io::AsyncWriteExt, time::MissedTickBehavior};

use super::{
    store::Store,
    upload::{Upload, UploadError, absorb},
};
use crate::oci::{Digest, Repository};

/// Abandoned sessions are removed this often while one is kept.
const PRUNES_PER_LIFETIME: u32 = 24;

/// Limits for uploads.
#[derive(Clone, Copy, Debug)]
pub struct UploadLimits {
    /// Bytes of one blob, at most.
    pub blob: u64,
    /// Sessions open at once, at most.
    pub sessions: usize,
    /// How long a session without requests is kept.
    pub kept: Duration,
}

impl Default for UploadLimits {
    /// 100 GiB, twice the largest layer that the large public registries take; 10,000 sessions; a day.
    fn default() -> Self {
        Self {
            blob: 100 << 30,
            sessions: 10_000,
            kept: Duration::from_secs(24 * 60 * 60),
        }
    }
}

pub(crate) struct Uploads {
    store: Store,
    limits: UploadLimits,
    sessions: Mutex<HashMap<String, Arc<Upload>>>,
}

impl Uploads {
    pub(crate) fn new(store: Store, limits: UploadLimits) -> Self {
        Self {
            store,
            limits,
            sessions: Mutex::default(),
        }
    }

    pub(crate) fn open(&self, repository: &Repository) -> Result<Arc<Upload>, UploadError> {
        let upload = Upload::new(repository, self.store.stage(), self.limits.blob);
        let upload = Arc::new(upload);
        let mut sessions = self.sessions();
        if sessions.len() >= self.limits.sessions {
            return Err(UploadError::TooMany);
        }
        sessions.insert(upload.id.clone(), Arc::clone(&upload));
        Ok(upload)
    }

    /// Removes abandoned sessions, now and periodically; never returns.
    pub(crate) async fn prune(&self) {
        let mut often = tokio::time::interval(self.limits.kept / PRUNES_PER_LIFETIME);
        often.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            often.tick().await;
            self.sessions()
                .retain(|_, upload| !upload.is_abandoned(self.limits.kept));
        }
    }

    pub(crate) fn find(&self, repository: &Repository, id: &str) -> Option<Arc<Upload>> {
        let upload = self.sessions().get(id).cloned()?;
        (upload.repository == *repository).then_some(upload)
    }

    /// Ends a session and drops its bytes. False if there is none.
    pub(crate) fn cancel(&self, repository: &Repository, id: &str) -> bool {
        let Some(upload) = self.find(repository, id) else {
            return false;
        };
        upload.take_over();
        self.sessions().remove(id).is_some()
    }

    /// Stores the received bytes as the blob `digest` of the repository, and ends the session.
    ///
    /// A wrong digest ends the session too, since appending more cannot correct it.
    pub(crate) async fn finish(
        &self,
        upload: &Arc<Upload>,
        digest: &Digest,
    ) -> Result<(), UploadError> {
        let stop = upload.take_over();
        let mut content = upload.content(&stop).await?;
        self.sessions().remove(&upload.id);
        content.ended = true;
        // An empty upload has no file yet.
        let file = upload.file(&mut content).await?;
        file.flush().await?;
        let hasher = content.hasher.clone();
        let (store, upload, expected) = (self.store.clone(), Arc::clone(upload), digest.clone());
        tokio::task::spawn_blocking(move || {
            let actual = match &expected {
                Digest::Sha256(_) => hasher.finish(),
                Digest::Sha512(_) => {
                    let mut hasher = expected.hasher();
                    absorb(std::fs::File::open(upload.staged.path())?, &mut hasher)?;
                    hasher.finish()
                }
            };
            if actual != expected {
                return Err(UploadError::Digest(actual));
            }
            Ok(store.settle_blob(&upload.repository, &expected, &upload.staged)?)
        })
        .await
        .map_err(io::Error::other)?
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Upload>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use axum::body::{Body, Bytes};
    use futures_util::{StreamExt, stream};

    use super::*;

    fn uploads() -> (tempfile::TempDir, Uploads, Repository) {
        let directory = tempfile::tempdir().unwrap();
        let uploads = Uploads::new(
            Store::open(directory.path()).unwrap(),
            UploadLimits::default(),
        );
        (directory, uploads, "team/app".parse().unwrap())
    }

    /// A body that sends `bytes` and then neither goes on nor ends.
    fn stuck(bytes: &'static [u8]) -> Body {
        let first = stream::iter([Ok::<_, io::Error>(Bytes::from_static(bytes))]);
        Body::from_stream(first.chain(stream::pending()))
    }

    #[tokio::test]
    async fn a_stuck_request_gives_way_to_the_next() {
        let (_directory, uploads, repository) = uploads();
        let upload = uploads.open(&repository).unwrap();
        let first = tokio::spawn({
            let upload = Arc::clone(&upload);
            async move { upload.append(None, None, &mut stuck(b"abc")).await }
        });
        while upload.received() < 3 {
            tokio::task::yield_now().await;
        }
        let received = upload
            .append(Some(3), Some(3), &mut Body::from("def"))
            .await;
        assert_eq!(received.unwrap(), 6);
        assert!(matches!(first.await.unwrap(), Err(UploadError::TakenOver)));
        let digest = Digest::of(b"abcdef");
        uploads.finish(&upload, &digest).await.unwrap();
        assert!(uploads.store.has_blob(&repository, &digest));
    }

    #[tokio::test]
    async fn a_dropped_request_leaves_a_session_that_can_go_on() {
        let (_directory, uploads, repository) = uploads();
        let upload = uploads.open(&repository).unwrap();
        let mut body = stuck(b"abc");
        tokio::select! {
            biased;
            _ = upload.append(None, None, &mut body) => unreachable!(),
            () = async { while upload.received() < 3 { tokio::task::yield_now().await } } => {}
        }
        upload
            .append(Some(3), None, &mut Body::from("def"))
            .await
            .unwrap();
        uploads
            .finish(&upload, &Digest::of(b"abcdef"))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_sha512_digest_is_verified_too() {
        let (_directory, uploads, repository) = uploads();
        for (content, right) in [("abc", true), ("abd", false)] {
            let upload = uploads.open(&repository).unwrap();
            upload
                .append(None, None, &mut Body::from(content))
                .await
                .unwrap();
            let mut hasher = Digest::Sha512(Box::new([0; 64])).hasher();
            hasher.update(b"abc");
            assert_eq!(
                uploads.finish(&upload, &hasher.finish()).await.is_ok(),
                right
            );
        }
    }

    #[tokio::test]
    async fn an_upload_ends_once() {
        let (_directory, uploads, repository) = uploads();
        let upload = uploads.open(&repository).unwrap();
        let digest = Digest::of(b"");
        uploads.finish(&upload, &digest).await.unwrap();
        let again = uploads.finish(&upload, &digest).await;
        assert!(matches!(again, Err(UploadError::Ended)));
        let late = upload.append(None, None, &mut Body::from("late")).await;
        assert!(matches!(late, Err(UploadError::Ended)));
    }

    #[tokio::test]
    async fn a_cancelled_session_leaves_no_file() {
        let (_directory, uploads, repository) = uploads();
        let upload = uploads.open(&repository).unwrap();
        upload
            .append(None, None, &mut Body::from("abc"))
            .await
            .unwrap();
        assert!(uploads.cancel(&repository, &upload.id));
        drop(upload);
        assert_eq!(uploads.store.staged(), 0);
    }
}

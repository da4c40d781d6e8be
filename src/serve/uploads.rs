//! Upload sessions (distribution-spec "Pushing a blob in chunks").
//!
//! Decides which request may write to a session: the newest. An older one, whose connection may be dead, is stopped, so
//! that a client can continue at once on another connection. Sessions end with the process, and after
//! [`UploadLimits::kept`] without a request.
//!
//! Invariant: `received` bytes are in the file and in the hash, whenever the connection ended.

use std::{
    collections::HashMap,
    io::{self, SeekFrom},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::{
    fs::{File, OpenOptions},
    io::{AsyncSeekExt, AsyncWriteExt},
    sync::MutexGuard,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::{
    slow_client::Stalled,
    store::{Staged, Store},
};
use crate::oci::{Digest, Hasher, Repository};

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

#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error("this chunk does not start where the last one ended, at byte {0}")]
    OutOfOrder(u64),
    #[error("the chunk has another length than its Content-Range says")]
    Length,
    #[error("the content has the digest {0}")]
    Digest(Digest),
    #[error("another request continues this upload")]
    TakenOver,
    #[error("the request body ended early")]
    Cut,
    #[error(transparent)]
    Stalled(Stalled),
    #[error("a blob has at most {0} bytes here")]
    TooLarge(u64),
    #[error("too many uploads are open")]
    TooMany,
    #[error("this upload has ended")]
    Ended,
    #[error(transparent)]
    Disk(#[from] io::Error),
}

pub(crate) struct Uploads {
    store: Store,
    limits: UploadLimits,
    sessions: Mutex<HashMap<String, Arc<Upload>>>,
}

pub(crate) struct Upload {
    pub(crate) id: String,
    repository: Repository,
    staged: Staged,
    max_bytes: u64,
    received: AtomicU64,
    content: tokio::sync::Mutex<Content>,
    writer: Mutex<Writer>,
}

struct Content {
    hasher: Hasher,
    /// Open while a request writes, and after a write that was dropped halfway.
    file: Option<File>,
    /// The file becomes a blob, or is one.
    ended: bool,
}

struct Writer {
    stop: CancellationToken,
    touched: Instant,
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
        let upload = Arc::new(Upload {
            id: format!("{:032x}", rand::random::<u128>()),
            repository: repository.clone(),
            staged: self.store.stage(),
            max_bytes: self.limits.blob,
            received: AtomicU64::new(0),
            content: tokio::sync::Mutex::new(Content {
                hasher: Digest::of(&[]).hasher(),
                file: None,
                ended: false,
            }),
            writer: Mutex::new(Writer {
                stop: CancellationToken::new(),
                touched: Instant::now(),
            }),
        });
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
        let (store, upload, wanted) = (self.store.clone(), Arc::clone(upload), digest.clone());
        tokio::task::spawn_blocking(move || {
            let actual = match &wanted {
                Digest::Sha256(_) => hasher.finish(),
                Digest::Sha512(_) => {
                    let mut hasher = wanted.hasher();
                    absorb(std::fs::File::open(upload.staged.path())?, &mut hasher)?;
                    hasher.finish()
                }
            };
            if actual != wanted {
                return Err(UploadError::Digest(actual));
            }
            Ok(store.settle_blob(&upload.repository, &wanted, &upload.staged)?)
        })
        .await
        .map_err(io::Error::other)?
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Upload>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Acquire)
    }

    /// Appends a request body. `start` and `length` are those of the request, if it has them, and are checked. Returns
    /// the bytes received in all.
    pub(crate) async fn append(
        &self,
        start: Option<u64>,
        length: Option<u64>,
        body: &mut Body,
    ) -> Result<u64, UploadError> {
        let stop = self.take_over();
        let mut content = self.content(&stop).await?;
        let before = self.received();
        if start.is_some_and(|start| start != before) {
            return Err(UploadError::OutOfOrder(before));
        }
        if body.size_hint().lower() > self.max_bytes.saturating_sub(before) {
            return Err(UploadError::TooLarge(self.max_bytes));
        }
        loop {
            let frame = tokio::select! {
                biased;
                () = stop.cancelled() => return Err(UploadError::TakenOver),
                frame = body.frame() => frame,
            };
            match frame {
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        if bytes.len() as u64 > self.max_bytes - self.received() {
                            return Err(UploadError::TooLarge(self.max_bytes));
                        }
                        self.write(&mut content, bytes).await?;
                    }
                }
                Some(Err(error)) => {
                    return Err(
                        Stalled::find(&error).map_or(UploadError::Cut, UploadError::Stalled)
                    );
                }
                None => break,
            }
        }
        self.writer().touched = Instant::now();
        if let Some(mut file) = content.file.take() {
            file.flush().await?;
        }
        let received = self.received();
        match length {
            Some(length) if length != received - before => Err(UploadError::Length),
            _ => Ok(received),
        }
    }

    /// Drops everything after the first `to` bytes, or the second half, like a registry that answers before it has
    /// written.
    pub(crate) async fn roll_back(&self, to: Option<u64>) -> Result<(), UploadError> {
        let stop = self.take_over();
        let mut content = self.content(&stop).await?;
        let kept = to.unwrap_or(self.received() / 2);
        if kept >= self.received() {
            return Ok(());
        }
        let file = self.file(&mut content).await?;
        file.set_len(kept).await?;
        content.file = None;
        let path = self.staged.path().to_owned();
        let hashing = tokio::task::spawn_blocking(move || {
            let mut hasher = Digest::of(&[]).hasher();
            absorb(std::fs::File::open(path)?, &mut hasher)?;
            Ok::<_, io::Error>(hasher)
        });
        content.hasher = hashing.await.map_err(io::Error::other)??;
        self.received.store(kept, Ordering::Release);
        Ok(())
    }

    async fn write(&self, content: &mut Content, mut bytes: Bytes) -> io::Result<()> {
        self.file(content).await?;
        let Content { hasher, file, .. } = content;
        let Some(file) = file else { return Ok(()) };
        while !bytes.is_empty() {
            // No await between the write and the count: this future may be dropped.
            let written = file.write(&bytes).await?;
            hasher.update(&bytes.split_to(written));
            self.received.fetch_add(written as u64, Ordering::Release);
        }
        Ok(())
    }

    /// The file, positioned after the received bytes.
    async fn file<'c>(&self, content: &'c mut Content) -> io::Result<&'c mut File> {
        let file = match content.file.take() {
            Some(mut file) => {
                // The write of a request that was dropped may still be under way.
                file.flush().await?;
                file
            }
            None => {
                let mut options = OpenOptions::new();
                let mut file = options
                    .create(true)
                    .truncate(false)
                    .write(true)
                    .open(self.staged.path())
                    .await?;
                file.seek(SeekFrom::Start(self.received())).await?;
                file
            }
        };
        Ok(content.file.insert(file))
    }

    /// Waits until the request that wrote before has stopped.
    async fn content(
        &self,
        stop: &CancellationToken,
    ) -> Result<MutexGuard<'_, Content>, UploadError> {
        let content = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(UploadError::TakenOver),
            content = self.content.lock() => content,
        };
        if content.ended {
            return Err(UploadError::Ended);
        }
        Ok(content)
    }

    fn is_abandoned(&self, kept: Duration) -> bool {
        // A held lock means that a request writes.
        self.content.try_lock().is_ok() && self.writer().touched.elapsed() >= kept
    }

    fn take_over(&self) -> CancellationToken {
        let mut writer = self.writer();
        writer.stop.cancel();
        writer.stop = CancellationToken::new();
        writer.touched = Instant::now();
        writer.stop.clone()
    }

    fn writer(&self) -> std::sync::MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn absorb(mut content: impl io::Read, hasher: &mut Hasher) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
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

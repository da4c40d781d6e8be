//! Upload sessions (distribution-spec "Pushing a blob in chunks"): content on its way to a digest.
//!
//! Decides who may write to a session: the newest request. One that was cut off without either side
//! noticing is asked to stop, so that a client can go on at once on another connection. Sessions live as
//! long as the process, and a day after they were last touched.
//!
//! Invariant: `received` bytes are in the file and in the hash, whenever the connection ended.

use std::{
    collections::HashMap,
    io::{self, SeekFrom},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::{
    fs::{File, OpenOptions},
    io::{AsyncSeekExt, AsyncWriteExt},
    sync::MutexGuard,
};
use tokio_util::sync::CancellationToken;

use super::store::Store;
use crate::oci::{Digest, Hasher, Repository};

const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error("this chunk does not start where the last one ended, at byte {0}")]
    OutOfOrder(u64),
    #[error("the chunk has another length than its Content-Range says")]
    Length,
    #[error("the content has the digest {0}")]
    Digest(Digest),
    #[error("another request goes on with this upload")]
    TakenOver,
    #[error("the request body ended early")]
    Cut,
    #[error("this upload has ended")]
    Ended,
    #[error(transparent)]
    Disk(#[from] io::Error),
}

pub(crate) struct Uploads {
    store: Store,
    sessions: Mutex<HashMap<String, Arc<Upload>>>,
}

pub(crate) struct Upload {
    pub(crate) id: String,
    repository: Repository,
    path: PathBuf,
    received: AtomicU64,
    content: tokio::sync::Mutex<Content>,
    writer: Mutex<Writer>,
}

struct Content {
    hasher: Hasher,
    /// Open while a request writes, and after one that was dropped in the middle of a write.
    file: Option<File>,
    /// The file is on its way to becoming a blob, or is one.
    ended: bool,
}

struct Writer {
    stop: CancellationToken,
    touched: Instant,
}

impl Uploads {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            sessions: Mutex::default(),
        }
    }

    pub(crate) fn open(&self, repository: &Repository) -> Arc<Upload> {
        let path = self.store.stage();
        let upload = Arc::new(Upload {
            id: format!("{:032x}", rand::random::<u128>()),
            repository: repository.clone(),
            path,
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
        sessions.retain(|_, upload| upload.writer().touched.elapsed() < ABANDONED_AFTER);
        sessions.insert(upload.id.clone(), Arc::clone(&upload));
        upload
    }

    pub(crate) fn find(&self, repository: &Repository, id: &str) -> Option<Arc<Upload>> {
        let upload = self.sessions().get(id).cloned()?;
        (upload.repository == *repository).then_some(upload)
    }

    /// Ends a session; what it received is gone. False if there is none.
    pub(crate) fn cancel(&self, repository: &Repository, id: &str) -> bool {
        let Some(upload) = self.find(repository, id) else {
            return false;
        };
        upload.take_over();
        self.sessions().remove(id).is_some()
    }

    /// Loses what a session received after the first `bytes`.
    pub(crate) async fn roll_back(
        &self,
        repository: &Repository,
        id: &str,
        bytes: u64,
    ) -> Result<(), UploadError> {
        match self.find(repository, id) {
            Some(upload) => upload.truncate(bytes).await,
            None => Ok(()),
        }
    }

    /// Makes what `upload` received the blob `digest` of its repository, and ends the session.
    ///
    /// With a wrong digest the session ends too: nothing can be appended that would make it right.
    pub(crate) async fn finish(
        &self,
        upload: &Arc<Upload>,
        digest: &Digest,
    ) -> Result<(), UploadError> {
        let stop = upload.take_over();
        let mut content = upload.content(&stop).await?;
        self.sessions().remove(&upload.id);
        content.ended = true;
        // An upload of nothing has no file yet.
        let file = upload.file(&mut content).await?;
        file.flush().await?;
        let hasher = content.hasher.clone();
        let (store, upload, wanted) = (self.store.clone(), Arc::clone(upload), digest.clone());
        tokio::task::spawn_blocking(move || {
            let actual = match &wanted {
                Digest::Sha256(_) => hasher.finish(),
                Digest::Sha512(_) => hash_file(&upload.path, wanted.hasher())?,
            };
            if actual != wanted {
                return Err(UploadError::Digest(actual));
            }
            Ok(store.settle_blob(&upload.repository, &wanted, &upload.path)?)
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

    /// Appends a request body, which has to start at `start` if the request says where it starts, and
    /// to have `length` bytes if it says how long it is. Returns the bytes received in all.
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
        loop {
            let frame = tokio::select! {
                biased;
                () = stop.cancelled() => return Err(UploadError::TakenOver),
                frame = body.frame() => frame,
            };
            match frame {
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.write(&mut content, bytes).await?;
                    }
                }
                Some(Err(_)) => return Err(UploadError::Cut),
                None => break,
            }
        }
        if let Some(mut file) = content.file.take() {
            file.flush().await?;
        }
        let received = self.received();
        match length {
            Some(length) if length != received - before => Err(UploadError::Length),
            _ => Ok(received),
        }
    }

    async fn truncate(&self, bytes: u64) -> Result<(), UploadError> {
        let stop = self.take_over();
        let mut content = self.content(&stop).await?;
        if bytes >= self.received() {
            return Ok(());
        }
        let file = self.file(&mut content).await?;
        file.set_len(bytes).await?;
        content.file = None;
        let path = self.path.clone();
        let hashed = tokio::task::spawn_blocking(move || {
            let mut hasher = Digest::of(&[]).hasher();
            hash_into(&path, &mut hasher).map(|()| hasher)
        });
        content.hasher = hashed.await.map_err(io::Error::other)??;
        self.received.store(bytes, Ordering::Release);
        Ok(())
    }

    async fn write(&self, content: &mut Content, mut bytes: Bytes) -> io::Result<()> {
        self.file(content).await?;
        let Content { hasher, file, .. } = content;
        let Some(file) = file else { return Ok(()) };
        while !bytes.is_empty() {
            // Nothing is awaited between a write and its account: this future may be dropped.
            let written = file.write(&bytes).await?;
            hasher.update(&bytes.split_to(written));
            self.received.fetch_add(written as u64, Ordering::Release);
        }
        Ok(())
    }

    /// The file, positioned behind what was received.
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
                    .open(&self.path)
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

impl Drop for Upload {
    /// A session that did not become a blob leaves nothing behind; one that did has renamed its file.
    fn drop(&mut self) {
        let _absent_when_settled = std::fs::remove_file(&self.path);
    }
}

fn hash_file(path: &std::path::Path, mut hasher: Hasher) -> io::Result<Digest> {
    hash_into(path, &mut hasher)?;
    Ok(hasher.finish())
}

fn hash_into(path: &std::path::Path, hasher: &mut Hasher) -> io::Result<()> {
    use std::io::Read;
    let mut file = std::fs::File::open(path)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
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
        let uploads = Uploads::new(Store::open(directory.path()).unwrap());
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
        let upload = uploads.open(&repository);
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
        let upload = uploads.open(&repository);
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
            let upload = uploads.open(&repository);
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
        let upload = uploads.open(&repository);
        let digest = Digest::of(b"");
        uploads.finish(&upload, &digest).await.unwrap();
        let again = uploads.finish(&upload, &digest).await;
        assert!(matches!(again, Err(UploadError::Ended)));
        let late = upload.append(None, None, &mut Body::from("late")).await;
        assert!(matches!(late, Err(UploadError::Ended)));
    }

    #[tokio::test]
    async fn a_cancelled_session_leaves_no_file() {
        let (directory, uploads, repository) = uploads();
        let upload = uploads.open(&repository);
        upload
            .append(None, None, &mut Body::from("abc"))
            .await
            .unwrap();
        assert!(uploads.cancel(&repository, &upload.id));
        drop(upload);
        let left = std::fs::read_dir(directory.path().join("uploads")).unwrap();
        assert_eq!(left.count(), 0);
    }
}

//! One upload session: the bytes received so far.
//!
//! Decides which request may write: the newest. An older one, whose connection may be dead, is stopped, so that a client
//! can continue at once on another connection. Invariant: `received` bytes are in the file and in the hash, whenever the
//! connection ended.

use std::{
    io::{self, SeekFrom},
    sync::{
        Mutex, PoisonError,
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
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::slow_client::Stalled;
use crate::{
    files::Staged,
    oci::{Digest, Hasher, Repository},
};

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

pub(crate) struct Upload {
    pub(crate) id: String,
    pub(super) repository: Repository,
    pub(super) staged: Staged,
    max_bytes: u64,
    received: AtomicU64,
    content: tokio::sync::Mutex<Content>,
    writer: Mutex<Writer>,
}

pub(super) struct Content {
    pub(super) hasher: Hasher,
    /// Open while a request writes, and after a write that was dropped halfway.
    file: Option<File>,
    /// The file becomes a blob, or is one.
    pub(super) ended: bool,
}

struct Writer {
    stop: CancellationToken,
    touched: Instant,
}

impl Upload {
    pub(super) fn new(repository: &Repository, staged: Staged, max_bytes: u64) -> Self {
        Self {
            id: format!("{:032x}", rand::random::<u128>()),
            repository: repository.clone(),
            staged,
            max_bytes,
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
        }
    }

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
        let length = to.unwrap_or(self.received() / 2);
        if length >= self.received() {
            return Ok(());
        }
        let file = self.file(&mut content).await?;
        file.set_len(length).await?;
        content.file = None;
        let path = self.staged.path().to_owned();
        let hashing = tokio::task::spawn_blocking(move || {
            let mut hasher = Digest::of(&[]).hasher();
            absorb(std::fs::File::open(path)?, &mut hasher)?;
            Ok::<_, io::Error>(hasher)
        });
        content.hasher = hashing.await.map_err(io::Error::other)??;
        self.received.store(length, Ordering::Release);
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
    pub(super) async fn file<'c>(&self, content: &'c mut Content) -> io::Result<&'c mut File> {
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
    pub(super) async fn content(
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

    pub(super) fn is_abandoned(&self, lifetime: Duration) -> bool {
        // A held lock means that a request writes.
        self.content.try_lock().is_ok() && self.writer().touched.elapsed() >= lifetime
    }

    pub(super) fn take_over(&self) -> CancellationToken {
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

pub(super) fn absorb(mut content: impl io::Read, hasher: &mut Hasher) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

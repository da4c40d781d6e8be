//! One blob from source to destination: streamed, hashed on the way, going on after cuts.
//!
//! Decides who is to blame when the stream breaks and from which byte to go on. Nothing touches the disk.
//! Invariant: the last byte is handed over only after the whole content was found to be its digest; a
//! byte sent again after a cut is judged by the destination, which has the last word.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use tokio::time::{Instant, sleep_until};

use super::{CopyError, Meter, Report, Side, error::blame};
use crate::{
    oci::{Descriptor, Digest, Hasher, Repository},
    registry::{self, BlobRead, Class, Client, UploadSession},
};

/// Cuts in a row without a byte of progress that are mended here; then the attempt has failed.
const FRUITLESS_CUTS: u32 = 2;
/// How long a destination may take no byte, or not answer after the last one, before it is given up.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);
/// Committing a large blob takes registries on object storage minutes.
const LONGEST_COMMIT: Duration = Duration::from_secs(15 * 60);

pub(super) struct Transfer<'a> {
    pub blob: &'a Descriptor,
    pub source: &'a Arc<Client>,
    pub from: &'a Repository,
    pub destination: &'a Arc<Client>,
    pub into: &'a Repository,
    pub report: &'a (dyn Fn(Report) + Send + Sync),
}

impl Transfer<'_> {
    /// Uploads the blob, into `session` if one is open already.
    pub(super) async fn run(self, session: Option<UploadSession>) -> Result<(), CopyError> {
        let mut session = match session {
            Some(session) => session,
            None => self.begin().await?,
        };
        let feed = Arc::new(Feed::new(&self));
        let mut offset = 0;
        let mut fruitless = 0;
        loop {
            let meter = Arc::clone(&feed.meter);
            meter.set(offset);
            (self.report)(Report::Started {
                digest: self.blob.digest.clone(),
                offset,
                meter,
            });
            let error = match self.send(&feed, &session, offset).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if let Some(error) = feed.take_failure() {
                // The session has bytes nobody will complete; failing to say so changes nothing.
                let _ = self.destination.cancel_upload(&session).await;
                return Err(error);
            }
            let blamed = blame(Side::Destination);
            let resumed = offset > 0;
            match error.class() {
                Class::Transient { retry_after: None } if fruitless < FRUITLESS_CUTS => {}
                // Pieces put together wrongly (quirks 4 and 14): once more, in one piece.
                Class::Rejected | Class::Corrupt if resumed && fruitless < FRUITLESS_CUTS => {
                    fruitless += 1;
                    (session, offset) = (self.begin().await?, 0);
                    continue;
                }
                _ => return Err(blamed(error)),
            }
            let before = offset;
            (session, offset) = match self
                .destination
                .ask_upload(&session)
                .await
                .map_err(&blamed)?
            {
                // More than was ever sent cannot be this blob.
                Some((received, session)) if received <= feed.meter.position() => {
                    (session, received)
                }
                _ => (self.begin().await?, 0),
            };
            fruitless = if offset > before { 0 } else { fruitless + 1 };
        }
    }

    async fn begin(&self) -> Result<UploadSession, CopyError> {
        self.destination
            .begin_upload(self.into)
            .await
            .map_err(blame(Side::Destination))
    }

    async fn send(
        &self,
        feed: &Arc<Feed>,
        session: &UploadSession,
        offset: u64,
    ) -> Result<(), registry::Error> {
        let blob = self.blob;
        let body = reqwest::Body::wrap_stream(Arc::clone(feed).stream(offset));
        let sent = self
            .destination
            .send_blob(session, &blob.digest, offset, blob.size, body);
        tokio::select! {
            sent = sent => sent,
            silence = feed.silent() => Err(self.destination.stalled_upload(session, silence)),
        }
    }
}

/// The source side of an upload, shared between the request body and who watches it.
struct Feed {
    source: Arc<Client>,
    repository: Repository,
    digest: Digest,
    size: u64,
    destination: Arc<Client>,
    meter: Arc<Meter>,
    /// The hash of the first `position` bytes.
    hashed: Mutex<(Hasher, u64)>,
    failure: Mutex<Option<CopyError>>,
    /// Whether the stream waits for the source rather than for the destination.
    reading: AtomicBool,
}

impl Feed {
    fn new(transfer: &Transfer<'_>) -> Self {
        Self {
            source: Arc::clone(transfer.source),
            repository: transfer.from.clone(),
            digest: transfer.blob.digest.clone(),
            size: transfer.blob.size,
            destination: Arc::clone(transfer.destination),
            meter: Arc::default(),
            hashed: Mutex::new((transfer.blob.digest.hasher(), 0)),
            failure: Mutex::default(),
            reading: false.into(),
        }
    }

    /// The bytes from `offset` on. An error ends the request body, so the destination never gets what
    /// would make a wrong blob complete.
    fn stream(
        self: Arc<Self>,
        offset: u64,
    ) -> impl stream::Stream<Item = io::Result<Bytes>> + Send {
        let reader = Reader {
            feed: self,
            read: None,
            position: offset,
            fruitless: 0,
        };
        stream::try_unfold(reader, |mut reader| async move {
            match reader.next().await {
                Ok(chunk) => Ok(chunk.map(|chunk| (chunk, reader))),
                Err(error) => {
                    reader.feed.fail(error);
                    Err(io::Error::other("the source failed"))
                }
            }
        })
    }

    fn fail(&self, error: CopyError) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn take_failure(&self) -> Option<CopyError> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Hashes what was not hashed before; after the last byte, compares.
    fn hash(&self, position: u64, chunk: &Bytes) -> Result<(), CopyError> {
        let corrupt = |problem: String| CopyError::Corrupt {
            digest: self.digest.clone(),
            problem,
        };
        let end = position + chunk.len() as u64;
        if end > self.size {
            return Err(corrupt(format!(
                "more than the {} bytes its descriptor says",
                self.size
            )));
        }
        let mut hashed = self.hashed.lock().unwrap_or_else(PoisonError::into_inner);
        let (hasher, upto) = &mut *hashed;
        let known = upto.saturating_sub(position).min(chunk.len() as u64);
        // At most the chunk's length, which is a usize.
        hasher.update(&chunk[usize::try_from(known).unwrap_or(chunk.len())..]);
        *upto = (*upto).max(end);
        if end == self.size {
            let got = hasher.clone().finish();
            if got != self.digest {
                return Err(corrupt(format!("they are {got}")));
            }
        }
        Ok(())
    }

    /// Ends when the destination has taken no byte for too long although there were some to take.
    async fn silent(&self) -> Duration {
        let mut last = (self.meter.position(), Instant::now());
        loop {
            sleep_until(Instant::now() + LONGEST_SILENCE / 12).await;
            let position = self.meter.position();
            let reading = self.reading.load(Relaxed);
            if position != last.0 || reading {
                last = (position, Instant::now());
            }
            let allowed = if position == self.size {
                LONGEST_COMMIT
            } else {
                LONGEST_SILENCE
            };
            if last.1.elapsed() >= allowed {
                return allowed;
            }
        }
    }
}

/// Reads the source from a position on, opening it again where it breaks off.
struct Reader {
    feed: Arc<Feed>,
    read: Option<BlobRead>,
    position: u64,
    fruitless: u32,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Bytes>, CopyError> {
        let feed = Arc::clone(&self.feed);
        if self.position == feed.size {
            return Ok(None);
        }
        feed.reading.store(true, Relaxed);
        let chunk = self.read().await?;
        feed.reading.store(false, Relaxed);
        feed.hash(self.position, &chunk)?;
        let length = chunk.len() as u64;
        feed.source.lane().moved(length).await;
        feed.destination.lane().moved(length).await;
        self.position += length;
        feed.meter.set(self.position);
        Ok(Some(chunk))
    }

    async fn read(&mut self) -> Result<Bytes, CopyError> {
        loop {
            // A cut is mended by reading on from here; only one that brings no byte counts.
            let cut = match self.open().await?.next().await {
                Ok(Some(chunk)) => {
                    self.fruitless = 0;
                    return Ok(chunk);
                }
                Ok(None) => None,
                Err(error) => Some(error),
            };
            self.read = None;
            self.fruitless += 1;
            if self.fruitless > FRUITLESS_CUTS {
                return Err(match cut {
                    Some(error) => blame(Side::Source)(error),
                    None => CopyError::Corrupt {
                        digest: self.feed.digest.clone(),
                        problem: format!("they end after {} of {}", self.position, self.feed.size),
                    },
                });
            }
        }
    }

    async fn open(&mut self) -> Result<&mut BlobRead, CopyError> {
        let read = match self.read.take() {
            Some(read) => read,
            None => {
                let feed = &self.feed;
                let opened = feed
                    .source
                    .read_blob(&feed.repository, &feed.digest, self.position)
                    .await;
                opened.map_err(blame(Side::Source))?
            }
        };
        Ok(self.read.insert(read))
    }
}

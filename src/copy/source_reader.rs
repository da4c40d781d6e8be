//! The source side of an upload: a blob's bytes from any position on, hashed as they pass.
//!
//! Decides how to go on when the source breaks off. Nothing touches the disk. Invariant: the last byte of an upload
//! session is handed over only after all of its bytes were found to be the digest; see `session_hash`.

use std::{
    io,
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use futures_util::stream;
use tokio::time::{Instant, sleep};

use super::{
    ByteCounter, CopyError,
    error::blame,
    session_hash::{Refused, SessionHash},
    transfer::Transfer,
};
use crate::{
    batch::Side,
    oci::{Digest, Repository},
    registry::{BlobRead, Client, ErrorCause, FailureClass, MinThroughput},
};

/// Cuts in a row without a byte of progress that are mended here; then the attempt has failed.
const MAX_RESUMES_WITHOUT_PROGRESS: u32 = 3;

/// The hash of an upload session, shared by its request bodies.
pub(super) type SharedHash = Arc<Mutex<SessionHash>>;

/// Shared between the request body and who watches it.
pub(super) struct SourceReader {
    source: Arc<Client>,
    repository: Repository,
    digest: Digest,
    size: u64,
    destination: Arc<Client>,
    meter: Arc<ByteCounter>,
    failure: Mutex<Option<CopyError>>,
    /// What the destination took while it was waited for, and what it was given last.
    taking: Mutex<Taking>,
    /// Whether the stream waits for the source, or for its turn, rather than for the destination.
    reading: AtomicBool,
    /// Where the body of the current request ends.
    end: AtomicU64,
    /// Which request body may speak; that of a request given up may still be polled for a while.
    body: AtomicU64,
    /// The reader between two request bodies.
    parked: Mutex<Option<Reader>>,
}

#[derive(Default)]
struct Taking {
    flow: MinThroughput,
    /// When, and how many bytes.
    given: Option<(Instant, u64)>,
    too_slow: Option<ErrorCause>,
}

/// What one request sends.
struct Body {
    number: u64,
    hash: SharedHash,
    read: u64,
    span: Range<u64>,
}

/// Reads the source from a position on, opening it again where it breaks off.
struct Reader {
    read: Option<BlobRead>,
    /// Read, but not handed over: the next bytes.
    ready: Bytes,
    position: u64,
    /// Cuts in a row without progress, and where the last one was.
    fruitless: u32,
    resumed_at: u64,
}

impl SourceReader {
    pub(super) fn new(transfer: &Transfer<'_>) -> Self {
        Self {
            source: Arc::clone(transfer.source),
            repository: transfer.from.clone(),
            digest: transfer.blob.digest.clone(),
            size: transfer.blob.size,
            destination: Arc::clone(&transfer.destination.client),
            meter: Arc::default(),
            failure: Mutex::default(),
            taking: Mutex::default(),
            reading: true.into(),
            end: AtomicU64::new(transfer.blob.size),
            body: AtomicU64::new(0),
            parked: Mutex::default(),
        }
    }

    pub(super) fn meter(&self) -> &Arc<ByteCounter> {
        &self.meter
    }

    /// Opens the source before anything is asked of the destination: a source that fails at once costs
    /// no upload, and one that is slow to start does not let an open one wait (quirk 40).
    pub(super) async fn open(&self, position: u64) -> Result<(), CopyError> {
        let mut reader = Reader::at(position);
        if position < self.size {
            reader.ready = reader.read(self).await?;
        }
        *lock(&self.parked) = Some(reader);
        Ok(())
    }

    /// The bytes of `span`, for the session that `hash` belongs to. An error ends the request body, so the
    /// destination never gets what would make a wrong blob complete.
    pub(super) fn stream(
        self: Arc<Self>,
        hash: &SharedHash,
        span: Range<u64>,
    ) -> impl stream::Stream<Item = io::Result<Bytes>> + Send + use<> {
        self.end.store(span.end, Relaxed);
        // Until it is asked for its first bytes, the request waits for its turn.
        self.reading.store(true, Relaxed);
        lock(&self.taking).given = None;
        let (read, position) = lock(hash).begin_read();
        debug_assert!(position <= span.start, "the hash went back before");
        let body = Body {
            number: self.body.fetch_add(1, Relaxed) + 1,
            hash: Arc::clone(hash),
            read,
            span,
        };
        let reader = self.reader(position);
        let state = (self, body, reader);
        stream::try_unfold(state, move |(feed, body, mut reader)| async move {
            if reader.position == body.span.end {
                *lock(&feed.parked) = Some(reader);
                return Ok(None);
            }
            match feed.next(&mut reader, &body).await {
                Ok(chunk) => Ok(Some((chunk, (feed, body, reader)))),
                Err(failure) => {
                    if let Some(error) = failure {
                        *lock(&feed.failure) = Some(error);
                    }
                    Err(io::Error::other("the source failed"))
                }
            }
        })
    }

    /// Checks that the bytes of a session are the digest when the destination has all of them. What was read in
    /// part again is read to the end for that.
    pub(super) async fn check(&self, hash: &SharedHash) -> Result<(), CopyError> {
        let (read, position) = lock(hash).begin_read();
        let mut reader = self.reader(position);
        while reader.position < self.size {
            let chunk = match std::mem::take(&mut reader.ready) {
                ready if ready.is_empty() => reader.read(self).await?,
                ready => ready,
            };
            self.source
                .limiter()
                .throttle_bytes(chunk.len() as u64)
                .await;
            reader.position += chunk.len() as u64;
            // Nobody else reads for this session, so it is not stale.
            if let Err(Some(error)) = self.hash(hash, read, &chunk) {
                return Err(error);
            }
        }
        self.compare(&lock(hash))
    }

    /// The reader of the last body if it is at `position`, else another one.
    fn reader(&self, position: u64) -> Reader {
        let parked = lock(&self.parked).take();
        parked
            .filter(|reader| reader.position == position)
            .unwrap_or_else(|| Reader::at(position))
    }

    /// The next bytes of the body. The error is `None` for a body that was given up meanwhile.
    async fn next(&self, reader: &mut Reader, body: &Body) -> Result<Bytes, Option<CopyError>> {
        let current = || self.body.load(Relaxed) == body.number;
        loop {
            if !current() {
                return Err(None);
            }
            self.taken();
            self.reading.store(true, Relaxed);
            if reader.ready.is_empty() {
                reader.ready = reader.read(self).await?;
            }
            if !current() {
                return Err(None);
            }
            // What the destination has is only hashed.
            let skips = reader.position < body.span.start;
            let end = if skips {
                body.span.start
            } else {
                body.span.end
            };
            // At most the chunk's length, which is a usize.
            let most = usize::try_from(end - reader.position).unwrap_or(usize::MAX);
            let chunk = reader.ready.split_to(reader.ready.len().min(most));
            self.hash(&body.hash, body.read, &chunk)?;
            let length = chunk.len() as u64;
            self.source.limiter().throttle_bytes(length).await;
            reader.position += length;
            if skips {
                continue;
            }
            self.destination.limiter().throttle_bytes(length).await;
            if current() {
                self.meter.set(reader.position);
                self.reading.store(false, Relaxed);
                lock(&self.taking).given = Some((Instant::now(), length));
            }
            return Ok(chunk);
        }
    }

    /// The destination wants more: it took what it was given last.
    fn taken(&self) {
        let taking = &mut *lock(&self.taking);
        if let Some((given, bytes)) = taking.given.take() {
            let timeouts = self.destination.timeouts();
            if let Err(cause) = taking.flow.moved(bytes, given.elapsed(), &timeouts) {
                taking.too_slow = Some(cause);
            }
        }
    }

    /// What the source did wrong, if it ended the request body.
    pub(super) fn take_failure(&self) -> Option<CopyError> {
        lock(&self.failure).take()
    }

    /// Whether every byte of the current body was handed over.
    pub(super) fn is_drained(&self) -> bool {
        self.meter.position() >= self.end.load(Relaxed)
    }

    /// Hashes the next bytes of a session; after the last one, compares.
    fn hash(&self, hash: &SharedHash, read: u64, chunk: &[u8]) -> Result<(), Option<CopyError>> {
        let mut hash = lock(hash);
        match hash.update(read, chunk) {
            Ok(()) => {}
            Err(Refused::Stale) => return Err(None),
            Err(Refused::Changed) => return Err(Some(self.changed())),
        }
        match hash.position() == self.size {
            true => self.compare(&hash).map_err(Some),
            false => Ok(()),
        }
    }

    fn compare(&self, hash: &SessionHash) -> Result<(), CopyError> {
        match hash.digest() {
            Some(got) if got == self.digest => Ok(()),
            Some(got) => Err(self.corrupt(format!("they are {got}"))),
            None => Err(self.changed()),
        }
    }

    fn changed(&self) -> CopyError {
        self.corrupt("they are not the same each time they are read".into())
    }

    fn corrupt(&self, problem: String) -> CopyError {
        CopyError::Corrupt {
            digest: self.digest.clone(),
            problem,
        }
    }

    /// Ends when the destination has taken no byte for too long, or hardly any, although there were some to
    /// take. After the last byte it has time to put them in order, more for more of them.
    pub(super) async fn stalled(&self) -> ErrorCause {
        let timeouts = self.destination.timeouts();
        let mut last = (self.meter.position(), Instant::now());
        loop {
            sleep(timeouts.byte / 12).await;
            let position = self.meter.position();
            let reading = self.reading.load(Relaxed);
            let drained = self.is_drained();
            if position != last.0 || (reading && !drained) {
                last = (position, Instant::now());
            }
            let allowed = match drained {
                true => timeouts.answer_to(position),
                false => timeouts.byte,
            };
            if last.1.elapsed() >= allowed {
                return ErrorCause::Stalled(allowed);
            }
            if let Some(too_slow) = lock(&self.taking).too_slow.take() {
                return too_slow;
            }
        }
    }
}

impl Reader {
    fn at(position: u64) -> Self {
        Self {
            read: None,
            ready: Bytes::new(),
            position,
            fruitless: 0,
            resumed_at: position,
        }
    }

    /// The bytes at `position`. A cut is mended by reading on from there; only those in a row count that
    /// bring no byte, or too few for their time.
    async fn read(&mut self, feed: &SourceReader) -> Result<Bytes, CopyError> {
        loop {
            let cut = match self.try_read(feed).await {
                Ok(Some(chunk)) => {
                    let end = self.position + chunk.len() as u64;
                    if end > feed.size {
                        let size = feed.size;
                        let problem = format!("more than the {size} bytes its descriptor says");
                        return Err(feed.corrupt(problem));
                    }
                    return Ok(chunk);
                }
                Ok(None) => {
                    feed.corrupt(format!("they end after {} of {}", self.position, feed.size))
                }
                Err(error) => error,
            };
            self.read = None;
            let timeouts = feed.source.timeouts();
            let progress = match &cut {
                CopyError::Registry { error, .. } => timeouts.progress_after(&error.cause),
                _ => 1,
            };
            if self.position >= self.resumed_at.saturating_add(progress) {
                self.fruitless = 0;
            }
            self.resumed_at = self.position;
            self.fruitless += 1;
            let may_pass = match cut.class() {
                FailureClass::Transient { .. } | FailureClass::Corrupt => true,
                FailureClass::Auth
                | FailureClass::NotFound
                | FailureClass::Rejected
                | FailureClass::Internal => false,
            };
            if self.fruitless >= MAX_RESUMES_WITHOUT_PROGRESS || !may_pass {
                return Err(cut);
            }
            sleep(timeouts.resume_delay * (self.fruitless - 1)).await;
        }
    }

    async fn try_read(&mut self, feed: &SourceReader) -> Result<Option<Bytes>, CopyError> {
        let read = match self.read.take() {
            Some(read) => read,
            None => {
                let opened = feed
                    .source
                    .read_blob(&feed.repository, &feed.digest, self.position);
                opened.await.map_err(blame(Side::Source))?
            }
        };
        let next = self.read.insert(read).next().await;
        next.map_err(blame(Side::Source))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

//! The source side of an upload: a blob's bytes from any position on, hashed as they pass.
//!
//! Decides how to go on when the source breaks off. Nothing touches the disk. Invariant: the last byte is
//! handed over only after the whole content was found to be its digest.

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
    CopyError, Meter,
    error::{Side, blame},
    transfer::Transfer,
};
use crate::{
    oci::{Digest, Hasher, Repository},
    registry::{BlobRead, Class, Client, ErrorCause, Flow},
};

/// Cuts in a row without a byte of progress that are mended here; then the attempt has failed.
const FRUITLESS_CUTS: u32 = 3;

/// Shared between the request body and who watches it.
pub(super) struct Feed {
    source: Arc<Client>,
    repository: Repository,
    digest: Digest,
    size: u64,
    destination: Arc<Client>,
    meter: Arc<Meter>,
    /// The hash of the first so many bytes.
    hashed: Mutex<(Hasher, u64)>,
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
    flow: Flow,
    /// When, and how many bytes.
    given: Option<(Instant, u64)>,
    too_slow: Option<ErrorCause>,
}

/// Reads the source from a position on, opening it again where it breaks off.
struct Reader {
    read: Option<BlobRead>,
    /// Read, but not handed over: the next bytes.
    ready: Bytes,
    position: u64,
    /// Cuts in a row without progress, and where the last one was.
    fruitless: u32,
    mended_at: u64,
}

impl Feed {
    /// `hashed` is what an earlier attempt knows of the content.
    pub(super) fn new(transfer: &Transfer<'_>, hashed: Option<(Hasher, u64)>) -> Self {
        let hashed = hashed.unwrap_or_else(|| (transfer.blob.digest.hasher(), 0));
        Self {
            source: Arc::clone(transfer.source),
            repository: transfer.from.clone(),
            digest: transfer.blob.digest.clone(),
            size: transfer.blob.size,
            destination: Arc::clone(transfer.destination),
            meter: Arc::default(),
            hashed: Mutex::new(hashed),
            failure: Mutex::default(),
            taking: Mutex::default(),
            reading: true.into(),
            end: AtomicU64::new(transfer.blob.size),
            body: AtomicU64::new(0),
            parked: Mutex::default(),
        }
    }

    pub(super) fn meter(&self) -> &Arc<Meter> {
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

    /// The bytes of `span`. An error ends the request body, so the destination never gets what would
    /// make a wrong blob complete.
    pub(super) fn stream(
        self: Arc<Self>,
        span: Range<u64>,
    ) -> impl stream::Stream<Item = io::Result<Bytes>> + Send + use<> {
        self.end.store(span.end, Relaxed);
        // Until it is asked for its first bytes, the request waits for its turn.
        self.reading.store(true, Relaxed);
        lock(&self.taking).given = None;
        let body = self.body.fetch_add(1, Relaxed) + 1;
        let reader = lock(&self.parked)
            .take()
            .filter(|reader| reader.position == span.start)
            .unwrap_or_else(|| Reader::at(span.start));
        let state = (self, reader);
        stream::try_unfold(state, move |(feed, mut reader)| async move {
            if reader.position == span.end {
                *lock(&feed.parked) = Some(reader);
                return Ok(None);
            }
            match feed.next(&mut reader, body, span.end).await {
                Ok(chunk) => Ok(Some((chunk, (feed, reader)))),
                Err(failure) => {
                    if let Some(error) = failure {
                        *lock(&feed.failure) = Some(error);
                    }
                    Err(io::Error::other("the source failed"))
                }
            }
        })
    }

    /// The next bytes up to `end`. The error is `None` for a body that was given up meanwhile.
    async fn next(
        &self,
        reader: &mut Reader,
        body: u64,
        end: u64,
    ) -> Result<Bytes, Option<CopyError>> {
        let current = || self.body.load(Relaxed) == body;
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
        // At most the chunk's length, which is a usize.
        let most = usize::try_from(end - reader.position).unwrap_or(usize::MAX);
        let chunk = reader.ready.split_to(reader.ready.len().min(most));
        self.hash(reader.position, &chunk)?;
        let length = chunk.len() as u64;
        self.source.lane().moved(length).await;
        self.destination.lane().moved(length).await;
        reader.position += length;
        if current() {
            self.meter.set(reader.position);
            self.reading.store(false, Relaxed);
            lock(&self.taking).given = Some((Instant::now(), length));
        }
        Ok(chunk)
    }

    /// The destination wants more: it took what it was given last.
    fn taken(&self) {
        let taking = &mut *lock(&self.taking);
        if let Some((given, bytes)) = taking.given.take() {
            let patience = self.destination.patience();
            if let Err(cause) = taking.flow.moved(bytes, given.elapsed(), &patience) {
                taking.too_slow = Some(cause);
            }
        }
    }

    /// The hash of the bytes handed over so far, and how many these are.
    pub(super) fn hashed(&self) -> (Hasher, u64) {
        lock(&self.hashed).clone()
    }

    /// What the source did wrong, if it ended the request body.
    pub(super) fn take_failure(&self) -> Option<CopyError> {
        lock(&self.failure).take()
    }

    /// Whether every byte of the current body was handed over.
    pub(super) fn is_drained(&self) -> bool {
        self.meter.position() >= self.end.load(Relaxed)
    }

    /// Hashes what was not hashed before; after the last byte, compares.
    fn hash(&self, position: u64, chunk: &Bytes) -> Result<(), CopyError> {
        let end = position + chunk.len() as u64;
        let mut hashed = lock(&self.hashed);
        let (hasher, upto) = &mut *hashed;
        let known = upto.saturating_sub(position).min(chunk.len() as u64);
        // At most the chunk's length, which is a usize.
        hasher.update(&chunk[usize::try_from(known).unwrap_or(chunk.len())..]);
        *upto = (*upto).max(end);
        if end == self.size {
            let got = hasher.clone().finish();
            if got != self.digest {
                return Err(self.corrupt(format!("they are {got}")));
            }
        }
        Ok(())
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
        let patience = self.destination.patience();
        let mut last = (self.meter.position(), Instant::now());
        loop {
            sleep(patience.byte / 12).await;
            let position = self.meter.position();
            let reading = self.reading.load(Relaxed);
            let drained = self.is_drained();
            if position != last.0 || (reading && !drained) {
                last = (position, Instant::now());
            }
            let allowed = match drained {
                true => patience.answer_to(position),
                false => patience.byte,
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
            mended_at: position,
        }
    }

    /// The bytes at `position`. A cut is mended by reading on from there; only those in a row count that
    /// bring no byte, or too few for their time.
    async fn read(&mut self, feed: &Feed) -> Result<Bytes, CopyError> {
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
            let patience = feed.source.patience();
            let progress = match &cut {
                CopyError::Registry { error, .. } => patience.progress_after(&error.cause),
                _ => 1,
            };
            if self.position >= self.mended_at.saturating_add(progress) {
                self.fruitless = 0;
            }
            self.mended_at = self.position;
            self.fruitless += 1;
            let may_pass = match cut.class() {
                Class::Transient { .. } | Class::Corrupt => true,
                Class::Auth | Class::NotFound | Class::Rejected | Class::Internal => false,
            };
            if self.fruitless >= FRUITLESS_CUTS || !may_pass {
                return Err(cut);
            }
            sleep(patience.mend * (self.fruitless - 1)).await;
        }
    }

    async fn try_read(&mut self, feed: &Feed) -> Result<Option<Bytes>, CopyError> {
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

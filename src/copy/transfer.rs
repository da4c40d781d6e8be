//! One blob from source to destination, going on after cuts on either side.
//!
//! Decides who is to blame when the stream breaks, from which byte to go on, in which pieces and when to begin another
//! session. Invariant: what is committed was hashed in the session it is committed in, and every way to go on is
//! bounded: by progress, by the ways to send there are, or by a number of sessions.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future;
use tokio::time::sleep;

use super::{
    CopyError, Report,
    error::blame,
    open_sessions::OpenSession,
    registry_state::RegistryState,
    session_hash::SessionHash,
    source_reader::{SharedHash, SourceReader},
};
use crate::{
    batch::{PlannedBlob, Side},
    oci::Repository,
    registry::{self, BlobPresence, Client, ErrorCause, FailureClass, UploadMode},
};

/// Failures in a row without a byte of progress after which the attempt goes on; then it has failed.
const MAX_RESUMES_WITHOUT_PROGRESS: u32 = 3;
/// Sessions that are begun for one blob, in one way to send it, because the registry lost the one before.
const MAX_RESTARTS: u32 = 3;
/// Ways to send that are tried for one blob.
const MAX_MODES: u32 = 8;

pub(super) struct Transfer<'a> {
    pub blob: &'a PlannedBlob,
    pub source: &'a Arc<Client>,
    pub from: &'a Repository,
    pub destination: &'a RegistryState,
    pub into: &'a Repository,
    pub report: &'a (dyn Fn(Report) + Send + Sync),
}

/// An upload and how far it is known to have come.
pub(super) struct Upload {
    session: OpenSession,
    hash: SharedHash,
    /// The destination said that it has the bytes before this one.
    offset: u64,
    mode: UploadMode,
    /// Whether the content is sent in more than one request.
    pieces: bool,
}

/// What an attempt has left of its ways to go on.
#[derive(Default)]
struct Budget {
    /// Failures in a row without progress.
    fruitless: u32,
    restarts: u32,
    modes: u32,
}

/// Why a request that sends bytes did not end well.
enum Broken {
    Source(CopyError),
    Destination(registry::Error),
}

/// What the destination has when it is asked for an upload.
enum ResumePoint {
    /// The upload, as far as `offset` says now.
    Upload,
    /// The blob: the answer to a commit was lost.
    Blob,
    /// Nothing to go on with.
    Nothing,
}

impl Upload {
    fn is_chunked(&self) -> bool {
        matches!(self.mode, UploadMode::Chunks { .. })
    }
}

impl Budget {
    fn is_spent(&self) -> bool {
        self.fruitless > MAX_RESUMES_WITHOUT_PROGRESS
    }

    /// The first time at once; cuts are rarely followed by cuts.
    fn pause(&self, step: Duration) -> Duration {
        match self.fruitless {
            0 | 1 => Duration::ZERO,
            fruitless => step * 2u32.pow(fruitless - 2),
        }
    }
}

impl Transfer<'_> {
    /// Uploads the blob: goes on where an earlier attempt had to leave it, else into `session` if one is
    /// open already. What a destination that fails for now has got is kept for the next attempt.
    pub(super) async fn run(self, session: Option<OpenSession>) -> Result<(), CopyError> {
        let suspended = &self.destination.suspended;
        let feed = Arc::new(SourceReader::new(&self));
        let mut budget = Budget::default();
        let mut upload = match suspended.take(self.into, &self.blob.digest) {
            None => {
                let (opened, begun) = future::join(feed.open(0), self.begin(session)).await;
                let upload = begun?;
                if let Err(error) = opened {
                    return Err(self.abandon(upload, error).await);
                }
                upload
            }
            Some(mut upload) => {
                if let Some(mut session) = session {
                    self.cancel(&mut session).await;
                }
                match self.ask(&feed, &mut upload, None, &mut budget).await {
                    Ok(ResumePoint::Blob) => return Ok(()),
                    Ok(ResumePoint::Upload) => {}
                    Ok(ResumePoint::Nothing) => match self.begin(None).await {
                        Ok(begun) => upload = begun,
                        Err(error) => return Err(self.suspend(upload, error)),
                    },
                    Err(error) => return Err(self.suspend(upload, error)),
                }
                let position = lock(&upload.hash).position();
                if let Err(error) = feed.open(position).await {
                    return Err(self.abandon(upload, error).await);
                }
                upload
            }
        };
        match self.send_all(&feed, &mut upload, &mut budget).await {
            Ok(()) => Ok(()),
            Err(error) if error.side() == Side::Destination => Err(self.suspend(upload, error)),
            Err(error) => Err(self.abandon(upload, error).await),
        }
    }

    /// Keeps the upload for the next attempt, if there may be one.
    fn suspend(&self, upload: Upload, error: CopyError) -> CopyError {
        let spoiled =
            matches!(&error, CopyError::Registry { error, .. } if error.disputes_digest());
        if let (FailureClass::Transient { .. }, false) = (error.class(), spoiled) {
            let suspended = &self.destination.suspended;
            suspended.keep(self.into, &self.blob.digest, upload);
        }
        error
    }

    async fn send_all(
        &self,
        feed: &Arc<SourceReader>,
        upload: &mut Upload,
        budget: &mut Budget,
    ) -> Result<(), CopyError> {
        let timeouts = self.destination.client.timeouts();
        let mut begun_anew = false;
        loop {
            feed.meter().set(upload.offset);
            (self.report)(Report::Started {
                digest: self.blob.digest.clone(),
                offset: upload.offset,
                meter: Arc::clone(feed.meter()),
            });
            let before = upload.offset;
            let error = match self.send(feed, upload).await {
                Ok(()) => {
                    upload.session.end();
                    return Ok(());
                }
                Err(Broken::Source(error)) => return Err(error),
                Err(Broken::Destination(error)) => error,
            };
            if upload.offset > before {
                budget.fruitless = 0;
            }
            budget.fruitless += 1;
            // Nothing is learned from it before it is known that the registry has the chunks before.
            let learns_later = upload.is_chunked() && may_mean_loss(&error);
            if !learns_later {
                self.learn(upload, &error, budget);
            }
            match error.class() {
                _ if budget.is_spent() => return Err(blame(Side::Destination)(error)),
                // What the session has is mixed up with something else: once more, in a session of its own.
                _ if error.disputes_digest() && !begun_anew => {
                    begun_anew = true;
                    *upload = self.begin(None).await?;
                    upload.mode = UploadMode::Whole;
                    continue;
                }
                _ if error.disputes_digest() => return Err(blame(Side::Destination)(error)),
                // Just learned: the bytes it has are good, the way they came was not.
                _ if budget.fruitless == 0 => {}
                // The chunk did not follow the last one: it says where to go on (quirk 44).
                _ if learns_later => {}
                // Pieces put together wrongly (quirks 4 and 14): once more, in one piece.
                // A registry that refuses what is whole refuses it for good.
                _ if upload.pieces && !begun_anew && is_refused_for_good(&error) => {
                    begun_anew = true;
                    *upload = self.begin(None).await?;
                    upload.mode = UploadMode::Whole;
                    continue;
                }
                FailureClass::Transient { .. } => {}
                _ => return Err(blame(Side::Destination)(error)),
            }
            sleep(budget.pause(timeouts.resume_delay)).await;
            let enough = (upload.offset).saturating_add(timeouts.progress_after(&error.cause));
            match self.ask(feed, upload, Some(&error), budget).await? {
                ResumePoint::Upload if upload.offset >= enough => budget.fruitless = 0,
                ResumePoint::Upload if learns_later => self.learn(upload, &error, budget),
                ResumePoint::Upload => {}
                ResumePoint::Blob => return Ok(()),
                ResumePoint::Nothing if budget.restarts == MAX_RESTARTS => {
                    return Err(blame(Side::Destination)(error));
                }
                ResumePoint::Nothing => {
                    budget.restarts += 1;
                    *upload = self.begin(None).await?;
                }
            }
        }
    }

    async fn begin(&self, session: Option<OpenSession>) -> Result<Upload, CopyError> {
        let client = &self.destination.client;
        let session = match session {
            Some(session) => session,
            None => {
                let begun = client.begin_upload(self.into).await;
                let session = begun.map_err(blame(Side::Destination))?;
                OpenSession::new(session, &self.destination.abandoned)
            }
        };
        Ok(Upload {
            session,
            hash: Arc::new(Mutex::new(SessionHash::new(&self.blob.digest))),
            offset: 0,
            mode: client.upload_mode().fit(self.blob.size),
            pieces: false,
        })
    }

    /// The session has bytes nobody will complete.
    async fn abandon(&self, mut upload: Upload, error: CopyError) -> CopyError {
        self.cancel(&mut upload.session).await;
        error
    }

    /// Failing to say so changes nothing.
    async fn cancel(&self, session: &mut OpenSession) {
        let _ = self.destination.client.cancel_upload(session).await;
        session.end();
    }

    /// Sends what is missing, and commits.
    async fn send(&self, feed: &Arc<SourceReader>, upload: &mut Upload) -> Result<(), Broken> {
        match self.try_send(feed, upload).await {
            Err(Broken::Destination(error)) => Err(match feed.take_failure() {
                Some(failure) => Broken::Source(failure),
                None => Broken::Destination(error),
            }),
            sent => sent,
        }
    }

    async fn try_send(&self, feed: &Arc<SourceReader>, upload: &mut Upload) -> Result<(), Broken> {
        let (client, size) = (&self.destination.client, self.blob.size);
        let body = |hash: &SharedHash, span| {
            reqwest::Body::wrap_stream(Arc::clone(feed).stream(hash, span))
        };
        let longest = match upload.mode {
            UploadMode::Whole => 0,
            UploadMode::Streamed => size,
            UploadMode::Chunks { bytes } => bytes.max(upload.session.chunk_minimum()),
        };
        while longest > 0 && upload.offset < size {
            let span = upload.offset..size.min(upload.offset.saturating_add(longest));
            let ranged = span != (0..size);
            upload.pieces |= ranged;
            let end = span.end;
            let body = body(&upload.hash, span.clone());
            let sent = client.send_chunk(&upload.session, span, ranged, body);
            let session = self.watch(feed, upload, sent).await?;
            upload.session.follow(session);
            upload.offset = end;
        }
        upload.pieces |= upload.mode == UploadMode::Whole && upload.offset > 0;
        let (digest, offset) = (&self.blob.digest, upload.offset);
        if offset == size {
            feed.check(&upload.hash).await.map_err(Broken::Source)?;
            let nothing = reqwest::Body::default();
            let sent = client.send_blob(&upload.session, digest, offset, size, nothing);
            return sent.await.map_err(Broken::Destination);
        }
        let rest = body(&upload.hash, offset..size);
        let sent = client.send_blob(&upload.session, digest, offset, size, rest);
        self.watch(feed, upload, sent).await
    }

    /// Waits for the answer to a request with a body, as long as the destination takes it.
    async fn watch<T>(
        &self,
        feed: &SourceReader,
        upload: &Upload,
        sent: impl Future<Output = Result<T, registry::Error>>,
    ) -> Result<T, Broken> {
        let stall = tokio::select! {
            sent = sent => return sent.map_err(Broken::Destination),
            stall = feed.stalled() => stall,
        };
        let client = &self.destination.client;
        Err(Broken::Destination(
            client.stalled_upload(&upload.session, stall),
        ))
    }

    /// Goes on in another mode, if the failure teaches one; others learn it too.
    fn learn(&self, upload: &mut Upload, error: &registry::Error, budget: &mut Budget) {
        let client = &self.destination.client;
        let rest = self.blob.size - upload.offset;
        let length = match upload.mode {
            UploadMode::Whole | UploadMode::Streamed => rest,
            UploadMode::Chunks { bytes } => rest.min(bytes.max(upload.session.chunk_minimum())),
        };
        let Some(next) = upload.mode.after(error, length, budget.fruitless) else {
            return;
        };
        if budget.modes == MAX_MODES {
            return;
        }
        let mode = client.learn_upload_mode(upload.mode, next);
        if mode == next {
            (self.report)(Report::Noted(format!(
                "{} does not take every layer at once; they go {mode} from now on",
                client.registry()
            )));
        }
        *budget = Budget {
            modes: budget.modes + 1,
            ..Budget::default()
        };
        upload.mode = mode;
        upload.pieces = true;
    }

    /// Asks the destination what it has of the upload after `error`. Asking is tried again as often as there are
    /// failures left in the budget.
    async fn ask(
        &self,
        feed: &SourceReader,
        upload: &mut Upload,
        error: Option<&registry::Error>,
        budget: &mut Budget,
    ) -> Result<ResumePoint, CopyError> {
        let client = &self.destination.client;
        let asked = loop {
            match client.ask_upload(&upload.session).await {
                Ok(asked) => break asked,
                Err(error) => {
                    let may_pass = error.class()
                        == FailureClass::Transient {
                            retry_after_ms: None,
                        };
                    budget.fruitless += 1;
                    if !may_pass || budget.is_spent() {
                        return Err(blame(Side::Destination)(error));
                    }
                }
            }
            sleep(budget.pause(client.timeouts().resume_delay)).await;
        };
        match asked {
            Some((received, session)) => {
                upload.session.follow(session);
                // It has less than it said it had, and does not take what follows that: bytes were lost. An answer
                // to a chunk that comes before its end may break the connection, so the second break says the same.
                let refuses_rest = |error: &registry::Error| {
                    error.status() == Some(416) || (may_mean_loss(error) && budget.fruitless > 1)
                };
                let lost = upload.is_chunked()
                    && received < upload.offset
                    && error.is_some_and(refuses_rest);
                // Else never back behind what it said it has: some tell an old Range (quirk 4).
                let offset = received.max(upload.offset);
                let mut hash = lock(&upload.hash);
                // More than was ever sent cannot be this blob.
                if !lost && received <= hash.reached() && hash.go_back(offset) {
                    drop(hash);
                    upload.offset = offset;
                    upload.pieces = true;
                    return Ok(ResumePoint::Upload);
                }
            }
            None => upload.session.end(),
        }
        let presence = client.blob_presence(self.into, &self.blob.digest, self.blob.size);
        match feed.is_drained() && matches!(presence.await, Ok(BlobPresence::Present)) {
            true => Ok(ResumePoint::Blob),
            false => Ok(ResumePoint::Nothing),
        }
    }
}

/// Whether a chunk may have been refused because of where it begins.
fn may_mean_loss(error: &registry::Error) -> bool {
    error.status() == Some(416) || matches!(*error.cause, ErrorCause::Network(_))
}

/// The registry refuses the content as a whole, which was hashed here.
fn is_refused_for_good(error: &registry::Error) -> bool {
    matches!(
        error.class(),
        FailureClass::Rejected | FailureClass::Corrupt
    )
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

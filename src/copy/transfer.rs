//! One blob from source to destination, going on after cuts on either side.
//!
//! Decides who is to blame when the stream breaks, from which byte to go on and in which pieces. Invariant:
//! a byte sent again is judged by the destination, whose digest has the last word.

use std::sync::Arc;

use futures_util::future;
use tokio::time::sleep;

use super::{
    CopyError, Report, Side,
    error::blame,
    feed::Feed,
    unfinished::{Left, Unfinished},
};
use crate::{
    oci::{Descriptor, Repository},
    registry::{self, Class, Client, UploadMode, UploadSession},
};

/// Failures in a row without a byte of progress that are mended here; then the attempt has failed.
const MOST_FRUITLESS: u32 = 3;
/// Ways to send that are tried for one blob.
const MOST_MODES: u32 = 8;

pub(super) struct Transfer<'a> {
    pub blob: &'a Descriptor,
    pub source: &'a Arc<Client>,
    pub from: &'a Repository,
    pub destination: &'a Arc<Client>,
    pub into: &'a Repository,
    pub unfinished: &'a Unfinished,
    pub report: &'a (dyn Fn(Report) + Send + Sync),
}

/// An upload and how far it is known to have come.
#[derive(Clone)]
pub(super) struct Upload {
    session: UploadSession,
    /// The destination said that it has the bytes before this one.
    offset: u64,
    mode: UploadMode,
    /// Whether the content is sent in more than one request.
    pieces: bool,
}

impl Upload {
    fn is_chunked(&self) -> bool {
        matches!(self.mode, UploadMode::Chunks { .. })
    }
}

impl Transfer<'_> {
    /// Uploads the blob: goes on where an earlier attempt had to leave it, else into `session` if one is
    /// open already. What a destination that fails for now has got is kept for the next attempt.
    pub(super) async fn run(self, session: Option<UploadSession>) -> Result<(), CopyError> {
        let digest = &self.blob.digest;
        let (feed, mut upload) = match self.unfinished.take(self.into, digest) {
            None => {
                let feed = Arc::new(Feed::new(&self, None));
                let (opened, begun) = future::join(feed.open(0), self.begin(session)).await;
                let upload = begun?;
                if let Err(error) = opened {
                    return Err(self.abandon(&upload, error).await);
                }
                (feed, upload)
            }
            Some(left) => {
                if let Some(session) = session {
                    let _ = self.destination.cancel_upload(&session).await;
                }
                let feed = Arc::new(Feed::new(&self, Some(left.hashed)));
                match self.ask(&feed, &left.upload).await {
                    Ok(Some(upload)) => {
                        if let Err(error) = feed.open(upload.offset).await {
                            return Err(self.abandon(&upload, error).await);
                        }
                        (feed, upload)
                    }
                    Ok(None) => return Ok(()),
                    Err(error) => return Err(self.leave(&feed, left.upload, error)),
                }
            }
        };
        match self.send_all(&feed, &mut upload).await {
            Err(error) if error.side() == Side::Destination => {
                Err(self.leave(&feed, upload, error))
            }
            sent => sent,
        }
    }

    /// Keeps the upload for the next attempt, if there may be one.
    fn leave(&self, feed: &Feed, upload: Upload, error: CopyError) -> CopyError {
        let spoiled =
            matches!(&error, CopyError::Registry { error, .. } if error.disputes_digest());
        if let (Class::Transient { .. }, false) = (error.class(), spoiled) {
            let hashed = feed.hashed();
            let left = Left { upload, hashed };
            self.unfinished.keep(self.into, &self.blob.digest, left);
        }
        error
    }

    async fn send_all(&self, feed: &Arc<Feed>, upload: &mut Upload) -> Result<(), CopyError> {
        let (mut fruitless, mut modes) = (0, 0);
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
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if let Some(error) = feed.take_failure() {
                return Err(self.abandon(upload, error).await);
            }
            fruitless = if upload.offset > before {
                1
            } else {
                fruitless + 1
            };
            if let Some(mode) = self.learn(upload, &error, fruitless)
                && modes < MOST_MODES
            {
                (modes, fruitless) = (modes + 1, 0);
                upload.mode = mode;
                upload.pieces = true;
            }
            match error.class() {
                _ if fruitless > MOST_FRUITLESS => return Err(blame(Side::Destination)(error)),
                // What the session has is mixed up with something else: once more, in a session of its own.
                _ if error.disputes_digest() && !begun_anew => {
                    begun_anew = true;
                    *upload = self.begin(None).await?;
                    upload.mode = UploadMode::Whole;
                    continue;
                }
                _ if error.disputes_digest() => return Err(blame(Side::Destination)(error)),
                // Just learned: the bytes it has are good, the way they came was not.
                _ if fruitless == 0 => {}
                Class::Transient { .. } => {}
                // The chunk did not follow the last one: it says where to go on (quirk 44).
                _ if error.status() == Some(416) && upload.is_chunked() => {}
                // Pieces put together wrongly (quirks 4 and 14): once more, in one piece.
                // A registry that refuses what is whole refuses it for good.
                Class::Rejected | Class::Corrupt if upload.pieces && !begun_anew => {
                    begun_anew = true;
                    *upload = self.begin(None).await?;
                    upload.mode = UploadMode::Whole;
                    continue;
                }
                _ => return Err(blame(Side::Destination)(error)),
            }
            // The first time at once; cuts are rarely followed by cuts.
            let pauses = fruitless.saturating_sub(1);
            sleep(self.destination.patience().mend * pauses).await;
            let progress = self.destination.patience().progress_after(&error.cause);
            let enough = upload.offset.saturating_add(progress);
            match self.ask(feed, upload).await? {
                Some(asked) => *upload = asked,
                None => return Ok(()),
            }
            if upload.offset >= enough {
                fruitless = 0;
            }
        }
    }

    async fn begin(&self, session: Option<UploadSession>) -> Result<Upload, CopyError> {
        let session = match session {
            Some(session) => session,
            None => self
                .destination
                .begin_upload(self.into)
                .await
                .map_err(blame(Side::Destination))?,
        };
        Ok(Upload {
            session,
            offset: 0,
            mode: self.destination.upload_mode().fit(self.blob.size),
            pieces: false,
        })
    }

    /// The session has bytes nobody will complete; failing to say so changes nothing.
    async fn abandon(&self, upload: &Upload, error: CopyError) -> CopyError {
        let _ = self.destination.cancel_upload(&upload.session).await;
        error
    }

    /// Sends what is missing, and commits.
    async fn send(&self, feed: &Arc<Feed>, upload: &mut Upload) -> Result<(), registry::Error> {
        let size = self.blob.size;
        let sending = async {
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
                let body = reqwest::Body::wrap_stream(Arc::clone(feed).stream(span.clone()));
                let sent = self
                    .destination
                    .send_chunk(&upload.session, span, ranged, body);
                upload.session = sent.await?;
                upload.offset = end;
            }
            upload.pieces |= upload.mode == UploadMode::Whole && upload.offset > 0;
            let rest = reqwest::Body::wrap_stream(Arc::clone(feed).stream(upload.offset..size));
            let digest = &self.blob.digest;
            self.destination
                .send_blob(&upload.session, digest, upload.offset, size, rest)
                .await
        };
        let stall = tokio::select! {
            sent = sending => return sent,
            stall = feed.stalled() => stall,
        };
        Err(self.destination.stalled_upload(&upload.session, stall))
    }

    /// The mode to go on with, if the failure teaches one; others learn it too.
    fn learn(
        &self,
        upload: &Upload,
        error: &registry::Error,
        fruitless: u32,
    ) -> Option<UploadMode> {
        let rest = self.blob.size - upload.offset;
        let length = match upload.mode {
            UploadMode::Whole | UploadMode::Streamed => rest,
            UploadMode::Chunks { bytes } => rest.min(bytes.max(upload.session.chunk_minimum())),
        };
        let next = upload.mode.after(error, length, fruitless)?;
        let mode = self.destination.learn_upload_mode(upload.mode, next);
        if mode == next {
            (self.report)(Report::Noted(format!(
                "{} does not take every layer at once; they go {mode} from now on",
                self.destination.registry()
            )));
        }
        Some(mode)
    }

    /// The upload as the destination knows it, or a new one if it knows it no more. `None` if the blob is
    /// there after all: the answer to a commit can be lost.
    async fn ask(&self, feed: &Feed, upload: &Upload) -> Result<Option<Upload>, CopyError> {
        let mut tries = 0;
        let asked = loop {
            match self.destination.ask_upload(&upload.session).await {
                Ok(asked) => break asked,
                Err(error) => {
                    let may_pass = error.class() == Class::Transient { retry_after: None };
                    if !may_pass || tries == MOST_FRUITLESS {
                        return Err(blame(Side::Destination)(error));
                    }
                }
            }
            sleep(self.destination.patience().mend * 2u32.pow(tries)).await;
            tries += 1;
        };
        match asked {
            // More than was ever sent cannot be this blob.
            Some((received, session)) if received <= feed.hashed().1 => Ok(Some(Upload {
                session,
                // Never back behind what it said it has: some tell an old Range (quirk 4).
                offset: received.max(upload.offset),
                pieces: true,
                ..upload.clone()
            })),
            _ => {
                let digest = &self.blob.digest;
                let head = self.destination.blob_head(self.into, digest);
                if feed.is_drained() && matches!(head.await, Ok(Some(_))) {
                    return Ok(None);
                }
                self.begin(None).await.map(Some)
            }
        }
    }
}

//! Sends the missing bytes of a blob to the destination, and commits.
//!
//! Decides how the upload mode splits the bytes into requests. What to do about a failure is decided in `transfer`.
//! Invariant: nothing is committed before all of its bytes were hashed.

use std::{ops::Range, sync::Arc};

use super::{
    stall_watchdog::StallWatchdog,
    upload::Upload,
    upload_body::{BodyFailure, UploadBody},
};
use crate::{
    oci::Digest,
    registry::{self, Client, UploadMode, UploadSession},
    transport::{ByteCounter, PutBlobError, SourceReader},
};

pub(super) struct UploadSender<'a> {
    pub reader: SourceReader<'a>,
    destination: &'a Client,
    digest: &'a Digest,
    size: u64,
    counter: Arc<ByteCounter>,
    watchdog: StallWatchdog,
}

/// Why bytes were not sent.
pub(super) enum SendFailure {
    Source(PutBlobError),
    Destination(registry::Error),
}

impl<'a> UploadSender<'a> {
    pub(super) fn new(
        reader: SourceReader<'a>,
        destination: &'a Client,
        digest: &'a Digest,
        size: u64,
    ) -> Self {
        Self {
            reader,
            destination,
            digest,
            size,
            counter: Arc::default(),
            watchdog: StallWatchdog::default(),
        }
    }

    /// Counts the bytes that are handed to the destination.
    pub(super) fn counter(&self) -> &Arc<ByteCounter> {
        &self.counter
    }

    /// Whether the last byte of the blob was handed to the destination.
    pub(super) fn is_complete(&self) -> bool {
        self.counter.position() == self.size
    }

    pub(super) async fn send(&mut self, upload: &mut Upload) -> Result<(), SendFailure> {
        let (destination, size) = (self.destination, self.size);
        while upload.mode != UploadMode::Whole && upload.offset < size {
            let length = upload.max_request_bytes(size - upload.offset);
            let span = upload.offset..upload.offset + length;
            let is_ranged = span != (0..size);
            upload.is_split |= is_ranged;
            let session = &*upload.session;
            let request = |body| destination.send_chunk(session, span.clone(), is_ranged, body);
            let next = self.send_span(session, span.clone(), request).await?;
            upload.session.follow(next);
            upload.offset = span.end;
        }
        upload.is_split |= upload.mode == UploadMode::Whole && upload.offset > 0;
        let (digest, offset) = (self.digest, upload.offset);
        let session = &*upload.session;
        let commit = |body| destination.send_blob(session, digest, offset, size, body);
        if offset < size {
            return self.send_span(session, offset..size, commit).await;
        }
        self.reader.finish().await.map_err(SendFailure::Source)?;
        let committed = commit(reqwest::Body::default()).await;
        committed.map_err(SendFailure::Destination)
    }

    /// Sends one request whose body is `span`.
    async fn send_span<T, R>(
        &mut self,
        session: &UploadSession,
        span: Range<u64>,
        request: impl FnOnce(reqwest::Body) -> R,
    ) -> Result<T, SendFailure>
    where
        R: Future<Output = Result<T, registry::Error>>,
    {
        let end = span.end;
        let (body, stream) = UploadBody::new(span);
        let request = request(reqwest::Body::wrap_stream(stream));
        let (reader, watchdog) = (&mut self.reader, &mut self.watchdog);
        let sent = tokio::select! {
            biased;
            answer = request => answer.map_err(SendFailure::Destination),
            failure = body.feed(reader, self.destination, &self.counter, watchdog) => {
                Err(match failure {
                    BodyFailure::Source(error) => SendFailure::Source(error),
                    BodyFailure::Stalled(cause) => {
                        SendFailure::Destination(self.destination.stalled_upload(session, cause))
                    }
                })
            }
        };
        // The read may have been interrupted, and the source would wait until it is resumed.
        if self.reader.position() != end {
            self.reader.close();
        }
        sent
    }
}

//! The body of one upload request: a span of the blob, for one upload session.
//!
//! The HTTP client asks for each chunk when it has sent the one before; [`UploadBody::feed`] answers from the source.
//! Decides when a chunk may go: the source's and the destination's byte limits delay it. Invariant: a body that is
//! not fed to its end fails its request, so the destination never takes it for complete.

use std::{io, ops::Range};

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::{mpsc, oneshot};

use super::stall_watchdog::StallWatchdog;
use crate::{
    registry::{Client, ErrorCause},
    transport::{ByteCounter, PutBlobError, SourceReader},
};

/// The HTTP client wants a chunk.
type Demand = oneshot::Sender<Bytes>;

/// The end of a request body that is fed.
pub(super) struct UploadBody {
    span: Range<u64>,
    demands: mpsc::Receiver<Demand>,
}

/// Why a body is not fed any more, although the request has no answer.
#[derive(Debug)]
pub(super) enum BodyFailure {
    Source(PutBlobError),
    /// The destination does not take it, or does not answer.
    Stalled(ErrorCause),
}

impl UploadBody {
    /// The body for `span`, and the stream that the HTTP client sends.
    pub(super) fn new(
        span: Range<u64>,
    ) -> (Self, impl Stream<Item = io::Result<Bytes>> + Send + use<>) {
        // The client asks for one chunk at a time.
        let (sender, demands) = mpsc::channel::<Demand>(1);
        let left = span.end - span.start;
        let stream = stream::try_unfold((sender, left), |(sender, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let (demand, chunk) = oneshot::channel();
            // Both fail when the body is dropped, which is when the request is given up.
            let chunk = match sender.send(demand).await {
                Ok(()) => chunk.await.ok(),
                Err(_) => None,
            };
            let chunk = chunk.ok_or_else(|| io::Error::other("the upload was given up"))?;
            let left = left.saturating_sub(chunk.len() as u64);
            Ok(Some((chunk, (sender, left))))
        });
        (Self { span, demands }, stream)
    }

    /// Feeds the body from `reader` and counts the bytes; ends only on a failure. The answer to the request ends it
    /// otherwise, and may come before all bytes are sent.
    pub(super) async fn feed(
        mut self,
        reader: &mut SourceReader<'_>,
        destination: &Client,
        counter: &ByteCounter,
        watchdog: &mut StallWatchdog,
    ) -> BodyFailure {
        let timeouts = destination.timeouts();
        let fed = async {
            // Until it asks for its first bytes, the request waits for its turn.
            let mut demand = self.demands.recv().await;
            while let Some(chunk_sender) = demand {
                reader.skip_to(self.span.start).await?;
                let chunk = reader.read(self.span.end - reader.position()).await?;
                let length = chunk.len() as u64;
                destination.limiter().throttle_bytes(length).await;
                counter.set(reader.position());
                // If nobody receives it, the answer to the request says why.
                let _ = chunk_sender.send(chunk);
                if reader.position() == self.span.end {
                    break;
                }
                demand = watchdog
                    .watch(length, &timeouts, self.demands.recv())
                    .await?;
            }
            Ok(watchdog.answer_overdue(counter.position(), &timeouts).await)
        };
        fed.await
            .map_or_else(|failure| failure, BodyFailure::Stalled)
    }
}

impl From<PutBlobError> for BodyFailure {
    fn from(error: PutBlobError) -> Self {
        Self::Source(error)
    }
}

impl From<ErrorCause> for BodyFailure {
    fn from(cause: ErrorCause) -> Self {
        Self::Stalled(cause)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::StreamExt;
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::{
        batch::RegistryLimit,
        oci::{Digest, Repository},
        registry::Settings,
        transport::RegistryImage,
    };

    const SECOND: Duration = Duration::from_secs(1);

    /// A source that was read already, and a destination; neither can be reached.
    struct Fixture {
        source: RegistryImage,
        destination: Client,
        content: Bytes,
        digest: Digest,
        counter: ByteCounter,
    }

    impl Fixture {
        fn new(size: usize) -> Self {
            let content: Bytes = (0..size).map(|byte| (byte % 251) as u8).collect();
            let client = |name: &str| Client::new(name.parse().unwrap(), Settings::default());
            let repository: Repository = "team/app".parse().unwrap();
            Self {
                source: RegistryImage::of(client("a.example").unwrap(), &repository),
                destination: client("b.example").unwrap(),
                digest: Digest::of(&content),
                content,
                counter: ByteCounter::default(),
            }
        }

        fn reader(&self) -> SourceReader<'_> {
            let mut reader =
                SourceReader::new(&self.source, &self.digest, self.content.len() as u64);
            reader.buffer(self.content.clone());
            reader
        }

        async fn feed(&self, body: UploadBody, reader: &mut SourceReader<'_>) -> BodyFailure {
            let watchdog = &mut StallWatchdog::default();
            body.feed(reader, &self.destination, &self.counter, watchdog)
                .await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_span_begins_at_the_byte_that_the_destination_does_not_have() {
        let fixture = Fixture::new(1000);
        let (body, stream) = UploadBody::new(200..700);
        let mut reader = fixture.reader();
        let sent = tokio::select! {
            sent = stream.map(Result::unwrap).collect::<Vec<_>>() => sent.concat(),
            failure = fixture.feed(body, &mut reader) => panic!("{failure:?}"),
        };
        assert!(sent == fixture.content[200..700]);
        assert_eq!(fixture.counter.position(), 700);
        assert_eq!(reader.position(), 700);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_waits_for_its_turn_is_not_stalled() {
        let fixture = Fixture::new(1000);
        let (body, stream) = UploadBody::new(0..1000);
        let mut reader = fixture.reader();
        let late = async {
            sleep(3600 * SECOND).await;
            assert_eq!(fixture.counter.position(), 0);
            stream.count().await
        };
        tokio::select! {
            chunks = late => assert_eq!(chunks, 1),
            failure = fixture.feed(body, &mut reader) => panic!("{failure:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_byte_limit_of_the_destination_delays_what_is_sent() {
        let fixture = Fixture::new(60_000);
        let limit = RegistryLimit::BytesPerSecond(Some(100));
        fixture.destination.limiter().set(limit);
        let start = Instant::now();
        let mut reader = fixture.reader();
        for span in [0..20_000, 20_000..40_000, 40_000..60_000] {
            let (body, stream) = UploadBody::new(span);
            tokio::select! {
                chunks = stream.count() => assert_eq!(chunks, 1),
                failure = fixture.feed(body, &mut reader) => panic!("{failure:?}"),
            }
        }
        assert!(start.elapsed() >= 390 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_never_comes_after_the_last_byte_is_a_stall() {
        let fixture = Fixture::new(1000);
        let (body, stream) = UploadBody::new(0..1000);
        let mut reader = fixture.reader();
        let (chunks, failure) = tokio::join!(stream.count(), fixture.feed(body, &mut reader));
        assert_eq!(chunks, 1);
        assert!(
            matches!(failure, BodyFailure::Stalled(ErrorCause::Stalled(_))),
            "{failure:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_fails_ends_the_body_with_an_error() {
        let mut fixture = Fixture::new(1000);
        fixture.digest = Digest::of(b"other content");
        let (body, stream) = UploadBody::new(0..1000);
        let mut reader = fixture.reader();
        let (chunks, failure) =
            tokio::join!(stream.collect::<Vec<_>>(), fixture.feed(body, &mut reader));
        assert!(matches!(chunks[..], [Err(_)]), "{chunks:?}");
        assert!(matches!(failure, BodyFailure::Source(_)), "{failure:?}");
        assert_eq!(fixture.counter.position(), 0);
    }

    #[tokio::test]
    async fn a_body_that_nobody_feeds_any_more_fails_its_request() {
        let (body, stream) = UploadBody::new(0..1000);
        drop(body);
        assert!(matches!(Box::pin(stream).next().await, Some(Err(_))));
    }
}

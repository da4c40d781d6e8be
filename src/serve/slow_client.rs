//! Ends requests of clients that send or receive too slowly.
//!
//! Decides when: [`StallLimits`] ends after a time of waiting in which less than [`MIN_BYTES`] passed. Only time spent
//! waiting for the client counts, not that of the disk or the fault script. Invariant: bytes pass unchanged, in order.

use std::{
    error::Error,
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

/// Bytes after which the waiting time is counted from zero.
const MIN_BYTES: usize = 64 * 1024;

/// The client did not send or receive [`MIN_BYTES`] in this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stalled(Duration);

impl Stalled {
    /// The stall, if this error of a body has one as its cause.
    pub(crate) fn find(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(stalled) = error.downcast_ref::<Self>() {
                return Some(*stalled);
            }
            cause = error.source();
        }
        None
    }
}

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, seconds) = (MIN_BYTES / 1024, self.0.as_secs());
        write!(f, "less than {bytes} KiB arrived in {seconds} s")
    }
}

impl Error for Stalled {}

struct StallLimits {
    limit: Duration,
    /// Since the last [`MIN_BYTES`].
    waited: Duration,
    passed: usize,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl StallLimits {
    fn new(limit: Duration) -> Self {
        Self {
            limit,
            waited: Duration::ZERO,
            passed: 0,
            waiting: None,
        }
    }

    fn pass(&mut self, bytes: usize) {
        if let Some((since, _)) = self.waiting.take() {
            self.waited += since.elapsed();
        }
        self.passed += bytes;
        if self.passed >= MIN_BYTES {
            self.passed = 0;
            self.waited = Duration::ZERO;
        }
    }

    /// Call this when the client has nothing. Ready at the end of the allowed time.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Stalled> {
        let rest = self.limit.saturating_sub(self.waited);
        let (_, sleep) = self
            .waiting
            .get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(rest))));
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(Stalled(self.limit))
    }
}

/// A request body that fails with [`Stalled`].
pub(crate) struct WatchedBody {
    body: Body,
    patience: StallLimits,
}

impl WatchedBody {
    pub(crate) fn body(body: Body, limit: Duration) -> Body {
        Body::new(Self {
            body,
            patience: StallLimits::new(limit),
        })
    }
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(frame) => {
                let data = frame.as_ref().and_then(|frame| frame.as_ref().ok());
                let bytes = data.and_then(Frame::data_ref).map_or(0, Bytes::len);
                this.patience.pass(bytes);
                Poll::Ready(frame)
            }
            Poll::Pending => {
                let stalled = ready!(this.patience.poll_end(cx));
                Poll::Ready(Some(Err(axum::Error::new(stalled))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection that fails when the client does not receive what is written.
pub(crate) struct WatchedWrites<T> {
    io: T,
    patience: StallLimits,
}

impl<T> WatchedWrites<T> {
    pub(crate) fn new(io: T, limit: Duration) -> Self {
        Self {
            io,
            patience: StallLimits::new(limit),
        }
    }

    fn poll_watched<R>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<R>>,
        bytes: impl Fn(&R) -> usize,
    ) -> Poll<io::Result<R>> {
        match written {
            Poll::Ready(written) => {
                self.patience.pass(written.as_ref().map_or(0, bytes));
                Poll::Ready(written)
            }
            Poll::Pending => {
                let stalled = ready!(self.patience.poll_end(cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, stalled)))
            }
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for WatchedWrites<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for WatchedWrites<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.poll_watched(cx, written, |bytes| *bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.poll_watched(cx, written, |bytes| *bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};
    use http_body_util::BodyExt;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    /// A body of pieces of so many bytes, each after so many seconds.
    fn dripping(piece: usize, seconds: u64, pieces: usize) -> Body {
        let pieces = stream::iter(0..pieces).then(move |_| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok::<_, io::Error>(Bytes::from(vec![7; piece]))
        });
        Body::from_stream(pieces)
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_broken_and_a_slow_one_is_not() {
        let start = Instant::now();
        let body = WatchedBody::body(dripping(1, 7, 1000), LIMIT);
        let error = body.collect().await.unwrap_err();
        assert_eq!(Stalled::find(&error), Some(Stalled(LIMIT)));
        assert_eq!(start.elapsed(), LIMIT);
        let slow = WatchedBody::body(dripping(MIN_BYTES, 59, 100), LIMIT);
        assert_eq!(
            slow.collect().await.unwrap().to_bytes().len(),
            100 * MIN_BYTES
        );
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_the_reader_takes_does_not_count() {
        let mut body = WatchedBody::body(dripping(1, 1, 50), LIMIT);
        while let Some(frame) = body.frame().await {
            frame.unwrap();
            tokio::time::sleep(LIMIT).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up() {
        use tokio::io::AsyncWriteExt;
        let (server, _client) = tokio::io::duplex(1024);
        let mut server = WatchedWrites::new(server, LIMIT);
        let error = server.write_all(&[7; 2048]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}

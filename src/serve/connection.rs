//! One connection: throttled, and cut by the fault script.
//!
//! Decides nothing; the request that is answered uses the [`Switch`]. Invariant: after a cut nothing more is read or
//! written, so the peer sees an incomplete message.

use std::{
    io,
    num::NonZeroU64,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::throttle::ByteRate;

const OPEN: u8 = 0;
const CUT_WHEN_FLUSHED: u8 = 1;
const CUT: u8 = 2;

/// Cuts its connection. The default switch has no connection and does nothing.
#[derive(Clone, Debug)]
pub(crate) struct Switch(Arc<AtomicU8>);

impl Default for Switch {
    fn default() -> Self {
        Self(Arc::new(AtomicU8::new(OPEN)))
    }
}

impl Switch {
    /// Loses everything that was not written yet.
    pub(crate) fn cut(&self) {
        self.0.store(CUT, Ordering::Release);
    }

    /// Cuts after everything of the response body so far was written. False if this was called before.
    pub(crate) fn cut_when_flushed(&self) -> bool {
        self.0.fetch_max(CUT_WHEN_FLUSHED, Ordering::AcqRel) == OPEN
    }

    fn check(&self, at: u8) -> io::Result<()> {
        if self.0.load(Ordering::Acquire) >= at {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

pub(crate) struct Connection<T> {
    io: T,
    switch: Switch,
    reading: Option<ByteRate>,
    writing: Option<ByteRate>,
}

impl<T> Connection<T> {
    /// `rate` is in bytes a second, for each direction.
    pub(crate) fn new(io: T, switch: Switch, rate: Option<NonZeroU64>) -> Self {
        Self {
            io,
            switch,
            reading: rate.map(ByteRate::new),
            writing: rate.map(ByteRate::new),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Connection<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.switch.check(CUT)?;
        let Some(pace) = &mut this.reading else {
            return Pin::new(&mut this.io).poll_read(cx, buffer);
        };
        ready!(pace.poll_paid(cx));
        let max = buffer.remaining().min(pace.piece());
        let mut piece = ReadBuf::new(buffer.initialize_unfilled_to(max));
        ready!(Pin::new(&mut this.io).poll_read(cx, &mut piece))?;
        let read = piece.filled().len();
        buffer.advance(read);
        pace.take(read);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Connection<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.switch.check(CUT)?;
        let Some(pace) = &mut this.writing else {
            return Pin::new(&mut this.io).poll_write(cx, bytes);
        };
        ready!(pace.poll_paid(cx));
        let max = bytes.len().min(pace.piece());
        let written = ready!(Pin::new(&mut this.io).poll_write(cx, &bytes[..max]))?;
        pace.take(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.writing.is_none() {
            self.switch.check(CUT)?;
            return Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        }
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.poll_write(cx, first.map_or(&[], |slice| slice))
    }

    fn is_write_vectored(&self) -> bool {
        self.writing.is_none() && self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        Poll::Ready(self.switch.check(CUT_WHEN_FLUSHED))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

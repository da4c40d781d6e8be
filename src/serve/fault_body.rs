//! A body as it passes by: counted for the access log, and cut, stalled, slowed or falsified by the fault script.
//!
//! Invariant: but for the one byte that is to be another, the bytes that pass are the body's own, in order; a shape
//! takes away and delays.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{connection::Switch, throttle::ByteRate};

/// Told how many bytes pass.
pub(crate) type Count = Box<dyn Fn(u64) + Send + Sync>;

/// What happens to a body that is longer than `after` bytes.
pub(crate) struct End {
    pub(crate) after: u64,
    pub(crate) by: EndBy,
}

pub(crate) enum EndBy {
    /// The connection is cut here, at once.
    Cut(Switch),
    /// The connection is cut once the peer has been sent everything before.
    CutWhenFlushed(Switch),
    /// Nothing more passes until the fault is released.
    Stall(Pin<Box<WaitForCancellationFutureOwned>>),
}

/// The pace at which a body passes until the fault is released.
pub(crate) struct Drip {
    pace: ByteRate,
    released: Pin<Box<WaitForCancellationFutureOwned>>,
    is_released: bool,
}

impl Drip {
    pub(crate) fn new(pace: ByteRate, released: Pin<Box<WaitForCancellationFutureOwned>>) -> Self {
        Self {
            pace,
            released,
            is_released: false,
        }
    }

    /// Ready when the next piece may pass.
    fn poll_paid(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_released || self.released.as_mut().poll(cx).is_ready() {
            self.is_released = true;
            return Poll::Ready(());
        }
        self.pace.poll_paid(cx)
    }
}

#[derive(Default)]
pub(crate) struct Shape {
    pub(crate) end: Option<End>,
    pub(crate) pace: Option<Drip>,
    /// The length is not announced.
    pub(crate) unsized_length: bool,
    /// Position of a byte that is not the body's.
    pub(crate) other_byte: Option<u64>,
}

pub(crate) struct Shaped {
    body: Body,
    /// What the body gave and did not pass yet.
    held: Bytes,
    passed: u64,
    count: Option<Count>,
    shape: Shape,
}

impl Shaped {
    pub(crate) fn body(body: Body, count: Option<Count>, shape: Shape) -> Body {
        Body::new(Self {
            body,
            held: Bytes::new(),
            passed: 0,
            count,
            shape,
        })
    }

    /// Whether the body ends here, or for how long it does not go on.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        let Some(end) = &mut self.shape.end else {
            return Poll::Ready(Ok(()));
        };
        if self.passed < end.after {
            return Poll::Ready(Ok(()));
        }
        match &mut end.by {
            EndBy::Cut(switch) => {
                switch.cut();
                let cut = std::io::Error::from(std::io::ErrorKind::ConnectionAborted);
                Poll::Ready(Err(axum::Error::new(cut)))
            }
            EndBy::CutWhenFlushed(switch) => {
                // The connection flushes when it is polled again, and finds itself cut.
                if switch.cut_when_flushed() {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
            EndBy::Stall(released) => {
                ready!(released.as_mut().poll(cx));
                self.shape.end = None;
                Poll::Ready(Ok(()))
            }
        }
    }

    /// How much of what is held may pass now.
    fn allowed(&self) -> usize {
        let to_end = match &self.shape.end {
            Some(end) => usize::try_from(end.after - self.passed).unwrap_or(usize::MAX),
            None => usize::MAX,
        };
        let drip = self.shape.pace.as_ref().filter(|drip| !drip.is_released);
        let piece = drip.map_or(usize::MAX, |drip| drip.pace.piece());
        self.held.len().min(to_end).min(piece)
    }
}

impl HttpBody for Shaped {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        while this.held.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => this.held = bytes,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return Poll::Ready(other),
            }
        }
        if let Err(error) = ready!(this.poll_end(cx)) {
            return Poll::Ready(Some(Err(error)));
        }
        if let Some(drip) = &mut this.shape.pace {
            ready!(drip.poll_paid(cx));
        }
        let mut bytes = this.held.split_to(this.allowed());
        if let Some(at) = this.shape.other_byte
            && let Some(at) = at.checked_sub(this.passed)
            && let Ok(at) = usize::try_from(at)
            && at < bytes.len()
        {
            let mut other = bytes.to_vec();
            other[at] ^= 1;
            bytes = other.into();
        }
        if let Some(drip) = &mut this.shape.pace {
            drip.pace.take(bytes.len());
        }
        this.passed += bytes.len() as u64;
        if let Some(count) = &this.count {
            count(bytes.len() as u64);
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.shape.unsized_length {
            return SizeHint::new();
        }
        let inner = self.body.size_hint();
        let held = self.held.len() as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + held);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + held);
        }
        hint
    }
}

//! Counts a body's bytes for the access log, and cuts, stalls, slows or falsifies them for the fault script.
//!
//! Invariant: the bytes that pass are the body's own, in order, except the one byte that a fault changes.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{connection::Switch, faults::Effect, throttle::ByteRate};

/// Called with the number of bytes that pass.
pub(crate) type Count = Box<dyn Fn(u64) + Send + Sync>;

/// What happens to a body that is longer than `after` bytes.
pub(crate) struct End {
    pub(crate) after: u64,
    pub(crate) by: EndBy,
    pub(crate) effect: Effect,
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
pub(crate) struct BodyFaults {
    pub(crate) end: Option<End>,
    pub(crate) pace: Option<Drip>,
    /// The length is not announced.
    pub(crate) unsized_length: bool,
    pub(crate) other_byte: Option<OtherByte>,
}

/// The byte at this position is changed.
pub(crate) struct OtherByte {
    pub(crate) at: u64,
    pub(crate) effect: Effect,
}

pub(crate) struct FaultBody {
    body: Body,
    /// Read from the body and not passed on yet.
    held: Bytes,
    passed: u64,
    count: Option<Count>,
    faults: BodyFaults,
}

impl FaultBody {
    pub(crate) fn body(body: Body, count: Option<Count>, faults: BodyFaults) -> Body {
        Body::new(Self {
            body,
            held: Bytes::new(),
            passed: 0,
            count,
            faults,
        })
    }

    /// Ready if the next bytes may pass; the error ends the body here.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        let Some(end) = &mut self.faults.end else {
            return Poll::Ready(Ok(()));
        };
        if self.passed < end.after {
            return Poll::Ready(Ok(()));
        }
        end.effect.mark();
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
                self.faults.end = None;
                Poll::Ready(Ok(()))
            }
        }
    }

    /// How many of the held bytes may pass now.
    fn allowed(&self) -> usize {
        let to_end = match &self.faults.end {
            Some(end) => usize::try_from(end.after - self.passed).unwrap_or(usize::MAX),
            None => usize::MAX,
        };
        let drip = self.faults.pace.as_ref().filter(|drip| !drip.is_released);
        let piece = drip.map_or(usize::MAX, |drip| drip.pace.piece());
        self.held.len().min(to_end).min(piece)
    }
}

impl HttpBody for FaultBody {
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
        if let Some(drip) = &mut this.faults.pace {
            ready!(drip.poll_paid(cx));
        }
        let mut bytes = this.held.split_to(this.allowed());
        if let Some(OtherByte { at, effect }) = &this.faults.other_byte
            && let Some(at) = at.checked_sub(this.passed)
            && let Ok(at) = usize::try_from(at)
            && at < bytes.len()
        {
            let mut other = bytes.to_vec();
            other[at] ^= 1;
            effect.mark();
            bytes = other.into();
        }
        if let Some(drip) = &mut this.faults.pace {
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
        if self.faults.unsized_length {
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

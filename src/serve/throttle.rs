//! Limits bytes a second.
//!
//! Bytes pass first and are paid for with time afterwards, so that bytes already read are never held back. Invariant:
//! in the long run at most `rate` bytes a second pass.

use std::{
    num::NonZeroU64,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep};

/// Pieces a second; more give smoother progress and cost more wake-ups.
const PIECES_A_SECOND: u64 = 20;

pub(crate) struct ByteRate {
    rate: NonZeroU64,
    paid_at: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl ByteRate {
    /// `rate` is in bytes a second.
    pub(crate) fn new(rate: NonZeroU64) -> Self {
        let now = Instant::now();
        Self {
            rate,
            paid_at: now,
            sleep: Box::pin(tokio::time::sleep_until(now)),
        }
    }

    /// Bytes to take at once, at most.
    pub(crate) fn piece(&self) -> usize {
        usize::try_from(self.rate.get().div_ceil(PIECES_A_SECOND)).unwrap_or(usize::MAX)
    }

    /// Ready when everything taken is paid for.
    pub(crate) fn poll_paid(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.paid_at > Instant::now() {
            if self.sleep.deadline() != self.paid_at {
                self.sleep.as_mut().reset(self.paid_at);
            }
            ready!(self.sleep.as_mut().poll(cx));
        }
        Poll::Ready(())
    }

    pub(crate) fn take(&mut self, bytes: usize) {
        let seconds = bytes as f64 / self.rate.get() as f64;
        self.paid_at = self.paid_at.max(Instant::now()) + Duration::from_secs_f64(seconds);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pace_is_kept_over_a_long_while() {
        let mut pace = ByteRate::new(NonZeroU64::new(1000).unwrap());
        let start = Instant::now();
        let mut passed = 0;
        while passed < 10_000 {
            poll_fn(|cx| pace.poll_paid(cx)).await;
            pace.take(pace.piece());
            passed += pace.piece();
        }
        poll_fn(|cx| pace.poll_paid(cx)).await;
        assert_eq!(start.elapsed().as_secs(), 10);
    }
}

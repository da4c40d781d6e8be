//! Watches whether the destination takes the bytes of an upload.
//!
//! Decides when a destination is stalled: it takes nothing, or hardly anything, for too long. Invariant: only time
//! spent waiting for the destination counts, not time spent waiting for the source or for a limit.

use tokio::time::{Instant, sleep, timeout};

use crate::registry::{ErrorCause, MinThroughput, Timeouts};

#[derive(Default)]
pub(super) struct StallWatchdog {
    throughput: MinThroughput,
}

impl StallWatchdog {
    /// Waits until the destination has taken `bytes`, which is when `taken` is ready.
    ///
    /// # Errors
    /// The destination is stalled.
    pub(super) async fn watch<T>(
        &mut self,
        bytes: u64,
        timeouts: &Timeouts,
        taken: impl Future<Output = T>,
    ) -> Result<T, ErrorCause> {
        let start = Instant::now();
        let taken = timeout(timeouts.byte, taken).await;
        let taken = taken.map_err(|_| ErrorCause::Stalled(timeouts.byte))?;
        self.throughput.moved(bytes, start.elapsed(), timeouts)?;
        Ok(taken)
    }

    /// Ends when the answer to a request that sent the blob's bytes up to `position` is overdue. The destination has
    /// to store them first, which takes longer the more there are.
    pub(super) async fn answer_overdue(&self, position: u64, timeouts: &Timeouts) -> ErrorCause {
        let allowed = timeouts.answer_to(position);
        sleep(allowed).await;
        ErrorCause::Stalled(allowed)
    }
}

#[cfg(test)]
mod tests {
    use std::{future, time::Duration};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// How a destination that takes `bytes` a second is judged, and when.
    async fn judge(bytes: u64, seconds: u32) -> (Result<(), ErrorCause>, Duration) {
        let (mut watchdog, timeouts) = (StallWatchdog::default(), Timeouts::default());
        let start = Instant::now();
        for _ in 0..seconds {
            if let Err(cause) = watchdog.watch(bytes, &timeouts, sleep(SECOND)).await {
                return (Err(cause), start.elapsed());
            }
        }
        (Ok(()), start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn quirk_41_a_destination_that_takes_hardly_anything_is_stalled() {
        let (judged, after) = judge(500, 120).await;
        assert!(
            matches!(judged, Err(ErrorCause::TooSlow { .. })),
            "{judged:?}"
        );
        assert_eq!(after, 60 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_of_ten_minutes_that_flows_is_never_given_up() {
        let (judged, after) = judge(2000, 600).await;
        assert!(judged.is_ok(), "{judged:?}");
        assert_eq!(after, 600 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_of_ours_is_never_taken_for_slowness() {
        let (mut watchdog, timeouts) = (StallWatchdog::default(), Timeouts::default());
        for _ in 0..10 {
            // The limit delays the next bytes, which are taken at once.
            sleep(70 * SECOND).await;
            let taken = watchdog.watch(1, &timeouts, sleep(SECOND / 100)).await;
            assert!(taken.is_ok(), "{taken:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_destination_that_takes_nothing_at_all_is_stalled_after_a_minute() {
        let (mut watchdog, timeouts) = (StallWatchdog::default(), Timeouts::default());
        let start = Instant::now();
        let stalled = watchdog.watch(2000, &timeouts, future::pending::<()>());
        let Err(ErrorCause::Stalled(allowed)) = stalled.await else {
            panic!("nothing was taken");
        };
        assert_eq!((allowed, start.elapsed()), (60 * SECOND, 60 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn the_answer_to_more_bytes_may_take_longer() {
        let (watchdog, timeouts) = (StallWatchdog::default(), Timeouts::default());
        let mut waited = Vec::new();
        for bytes in [0, 1 << 30] {
            let start = Instant::now();
            watchdog.answer_overdue(bytes, &timeouts).await;
            waited.push(start.elapsed());
        }
        assert_eq!(waited, [timeouts.byte, timeouts.commit]);
    }
}

//! A value that many callers need and one of them obtains.
//!
//! Decides who makes the call and who shares its outcome. A success is kept. An error is shared with all callers that
//! waited for the call, and with later ones for a configurable time; after that the next caller calls again. If the
//! calling future is dropped, a waiting caller takes over. Invariant: at most one call is in progress, and no caller
//! waits for more than one call that ends.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use tokio::{sync::Semaphore, time::Instant};

#[derive(Debug)]
pub(crate) struct SingleFlight<T, E> {
    value: OnceLock<T>,
    /// The call in progress, if there is one.
    current: Mutex<Option<Arc<Flight<E>>>>,
    /// How long an error is returned after the call that failed with it.
    error_lifetime: Duration,
}

#[derive(Debug)]
struct Flight<E> {
    /// One permit, held by the caller that makes the call.
    turn: Semaphore,
    /// The error of the call, and until when later callers get it.
    error: OnceLock<(E, Instant)>,
}

impl<T, E: Clone> SingleFlight<T, E> {
    /// A cell whose value is known already.
    pub(crate) fn of(value: T) -> Self {
        Self {
            value: OnceLock::from(value),
            ..Self::default()
        }
    }

    /// A cell that returns an error for `error_lifetime` before the call is made again.
    pub(crate) fn with_error_lifetime(error_lifetime: Duration) -> Self {
        Self {
            error_lifetime,
            ..Self::default()
        }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value; obtains it with `call` unless it is known or being obtained.
    ///
    /// # Errors
    /// The error of the call that this caller made or waited for.
    pub(crate) async fn get_or_try_init<F>(&self, call: impl FnOnce() -> F) -> Result<&T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let flight = self.join();
        // The semaphore is never closed. Without a permit there would be one more call.
        let _turn = flight.turn.acquire().await;
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        if let Some((error, _)) = flight.error.get() {
            return Err(error.clone());
        }
        match call().await {
            Ok(value) => {
                let value = self.value.get_or_init(|| value);
                *self.current() = None;
                Ok(value)
            }
            Err(error) => {
                let until = Instant::now() + self.error_lifetime;
                let (error, _) = flight.error.get_or_init(|| (error, until));
                Err(error.clone())
            }
        }
    }

    /// The call in progress, or one to begin.
    fn join(&self) -> Arc<Flight<E>> {
        let mut current = self.current();
        let is_over = |flight: &Arc<Flight<E>>| match flight.error.get() {
            Some((_, until)) => *until <= Instant::now(),
            None => false,
        };
        if current.as_ref().is_some_and(is_over) {
            *current = None;
        }
        Arc::clone(current.get_or_insert_default())
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Flight<E>>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, E> Default for SingleFlight<T, E> {
    fn default() -> Self {
        Self {
            value: OnceLock::new(),
            current: Mutex::new(None),
            error_lifetime: Duration::ZERO,
        }
    }
}

impl<E> Default for Flight<E> {
    fn default() -> Self {
        Self {
            turn: Semaphore::new(1),
            error: OnceLock::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering::SeqCst},
        time::Duration,
    };

    use futures_util::future::join_all;
    use tokio::time::Instant;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Fails after a minute with how many calls there were, from call `good` on succeeds with it.
    struct Server {
        calls: AtomicU32,
        good: u32,
    }

    impl Server {
        fn good_at(good: u32) -> Self {
            let calls = AtomicU32::new(0);
            Self { calls, good }
        }

        async fn ask(&self) -> Result<u32, u32> {
            let call = self.calls.fetch_add(1, SeqCst) + 1;
            tokio::time::sleep(MINUTE).await;
            if call >= self.good {
                Ok(call)
            } else {
                Err(call)
            }
        }
    }

    async fn ask_together(cell: &SingleFlight<u32, u32>, server: &Server) -> Vec<Result<u32, u32>> {
        let ask = || async { cell.get_or_try_init(|| server.ask()).await.copied() };
        join_all((0..100).map(|_| ask())).await
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_is_shared_with_all_who_waited_and_a_success_with_all_to_come() {
        let (cell, server) = (SingleFlight::default(), Server::good_at(3));
        let begun = Instant::now();
        for expected in [Err(1), Err(2), Ok(3), Ok(3)] {
            assert_eq!(ask_together(&cell, &server).await, vec![expected; 100]);
        }
        assert_eq!(server.calls.load(SeqCst), 3);
        assert_eq!(begun.elapsed(), MINUTE * 3);
        assert_eq!(cell.get(), Some(&3));
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_may_be_returned_for_a_while() {
        let (cell, server) = (
            SingleFlight::with_error_lifetime(MINUTE),
            Server::good_at(2),
        );
        let ask = async || cell.get_or_try_init(|| server.ask()).await.copied();
        assert_eq!(ask().await, Err(1));
        tokio::time::advance(MINUTE - Duration::from_secs(1)).await;
        let begun = Instant::now();
        assert_eq!(ask().await, Err(1));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(ask().await, Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_caller_does_not_cancel_the_others() {
        let (cell, server) = (SingleFlight::default(), Server::good_at(2));
        let cancelled = async {
            let first = cell.get_or_try_init(|| server.ask());
            assert!(tokio::time::timeout(MINUTE / 2, first).await.is_err());
        };
        let ((), waited) = tokio::join!(cancelled, ask_together(&cell, &server));
        assert_eq!(waited, vec![Ok(2); 100]);
    }

    #[tokio::test]
    async fn a_value_known_beforehand_is_not_obtained() {
        let (cell, server) = (SingleFlight::<u32, u32>::of(7), Server::good_at(1));
        assert_eq!(cell.get_or_try_init(|| server.ask()).await, Ok(&7));
    }
}

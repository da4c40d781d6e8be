//! The queue of transfers that need a stream at both of their stores.
//!
//! Decides whose turn it is. No transfer holds a stream of one store while it waits for the other: a slow
//! destination would block the source for transfers to other destinations, and transfers in opposite directions could
//! deadlock. Invariants: both streams are acquired in one step or none. Transfers between the same two stores are
//! served in order.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future;
use tokio::sync::Semaphore;

use super::{RegistryLimiter, StreamPermit, limiter::streams::Reservation};
use crate::oci::Store;

/// How many streams of each of its two stores other transfers may acquire while a transfer waits. After that the
/// next free streams are reserved for it; without this it could starve if both are never free at the same moment.
const MAX_OVERTAKEN: u64 = 32;

/// The waiting transfers of a batch.
#[derive(Debug)]
pub struct StreamQueue {
    /// The first transfer in the queue between two stores holds the permit.
    turns: Mutex<HashMap<(Store, Store), Arc<Semaphore>>>,
    /// Makes acquiring from two stores one step.
    acquiring: Mutex<()>,
    /// The permit to reserve streams. Two transfers that reserve could deadlock.
    reserving: Semaphore,
}

/// A store and its limits.
#[derive(Clone, Copy, Debug)]
pub struct LimitedStore<'a> {
    pub store: &'a Store,
    pub limiter: &'a RegistryLimiter,
}

/// A stream at each store of a transfer.
#[derive(Debug)]
pub struct StreamPermits {
    _permits: Vec<StreamPermit>,
}

impl Default for StreamQueue {
    fn default() -> Self {
        Self {
            turns: Mutex::default(),
            acquiring: Mutex::default(),
            reserving: Semaphore::new(1),
        }
    }
}

impl StreamQueue {
    /// Waits for a stream at `source` and one at `destination`; for a single one if they are the same store. Also
    /// waits for short pauses of both.
    pub async fn acquire(
        &self,
        source: LimitedStore<'_>,
        destination: LimitedStore<'_>,
    ) -> StreamPermits {
        let turn = self.turn(source.store, destination.store);
        // Never closed. Without the permit the order would only be less fair.
        let _turn = turn.acquire().await;
        let mut limiters = vec![destination.limiter];
        if source.store != destination.store {
            limiters.push(source.limiter);
        }
        let acquired: Vec<u64> = limiters
            .iter()
            .map(|limiter| limiter.streams.acquired())
            .collect();
        let mut priority = None;
        loop {
            for limiter in &limiters {
                limiter.short_pause().await;
            }
            // Created before the try, so that no notification after it is missed.
            let freed: Vec<_> = limiters
                .iter()
                .map(|limiter| Box::pin(limiter.streams.freed()))
                .collect();
            let reserved = priority.as_ref().map(|(_, reserved)| reserved);
            if let Some(permits) = self.try_acquire(&limiters, reserved) {
                return StreamPermits { _permits: permits };
            }
            let mut pairs = limiters.iter().zip(&acquired);
            let overtaken = |(limiter, before): (&&RegistryLimiter, &u64)| {
                limiter.streams.acquired() - before >= MAX_OVERTAKEN
            };
            if priority.is_none()
                && pairs.all(overtaken)
                && let Ok(alone) = self.reserving.try_acquire()
            {
                let reserved: Vec<_> = limiters
                    .iter()
                    .map(|limiter| limiter.streams.reserve())
                    .collect();
                priority = Some((alone, reserved));
                continue;
            }
            future::select_all(freed).await;
        }
    }

    fn turn(&self, source: &Store, destination: &Store) -> Arc<Semaphore> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (source.clone(), destination.clone());
        let turn = turns
            .entry(key)
            .or_insert_with(|| Arc::new(Semaphore::new(1)));
        Arc::clone(turn)
    }

    /// A permit of each limiter, or none.
    fn try_acquire(
        &self,
        limiters: &[&RegistryLimiter],
        reserved: Option<&Vec<Reservation<'_>>>,
    ) -> Option<Vec<StreamPermit>> {
        let _one_step = self
            .acquiring
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let reservation = |at: usize| reserved.and_then(|reserved| reserved.get(at));
        let mut streams = limiters.iter().map(|limiter| &limiter.streams).enumerate();
        if !(streams.clone()).all(|(at, streams)| streams.has_free(reservation(at))) {
            return None;
        }
        streams.try_fold(Vec::new(), |mut permits, (at, streams)| {
            permits.push(streams.try_acquire(reservation(at))?);
            Some(permits)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::Pin, time::Duration};

    use futures_util::FutureExt;

    use super::*;
    use crate::{
        batch::RegistryLimit,
        registry::{Client, Limits, Settings},
    };

    fn client(name: &str, streams: u16) -> Client {
        let limits = Limits {
            streams,
            ..Limits::default()
        };
        let settings = Settings {
            limits,
            ..Settings::default()
        };
        Client::new(name.parse().unwrap(), settings).unwrap()
    }

    /// Somebody who waits, asked once.
    fn waiting<'a>(
        queue: &'a StreamQueue,
        source: &'a Client,
        destination: &'a Client,
    ) -> Pin<Box<impl Future<Output = StreamPermits> + use<'a>>> {
        let mut waiting = Box::pin(queue.acquire(source.limited(), destination.limited()));
        assert!((&mut waiting).now_or_never().is_none());
        waiting
    }

    #[tokio::test]
    async fn who_waits_for_a_slow_destination_takes_nothing_from_a_healthy_one() {
        let queue = StreamQueue::default();
        let source = client("source.example", 2);
        let (slow, healthy) = (client("slow.example", 1), client("healthy.example", 1));
        let _slow_one = queue.acquire(source.limited(), slow.limited()).await;
        let _waiting = [0, 1, 2].map(|_| waiting(&queue, &source, &slow));
        let goes = queue
            .acquire(source.limited(), healthy.limited())
            .now_or_never();
        assert!(goes.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_registry_that_rests_takes_nothing_from_a_healthy_one() {
        let queue = StreamQueue::default();
        let source = client("source.example", 1);
        let (resting, healthy) = (client("resting.example", 1), client("healthy.example", 1));
        resting.limiter().throttle(Duration::from_secs(5));
        let later = waiting(&queue, &source, &resting);
        let goes = queue
            .acquire(source.limited(), healthy.limited())
            .now_or_never();
        assert!(goes.is_some());
        drop(goes);
        let begun = tokio::time::Instant::now();
        later.await;
        assert_eq!(begun.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test]
    async fn transfers_in_both_directions_all_get_their_turn() {
        let queue = StreamQueue::default();
        let (one, other) = (client("one.example", 1), client("other.example", 1));
        let transfers = (0..100).map(async |number| {
            let (from, to) = match number % 3 {
                0 => (&one, &other),
                1 => (&other, &one),
                _ => (&one, &one),
            };
            let _permits = queue.acquire(from.limited(), to.limited()).await;
            tokio::task::yield_now().await;
        });
        future::join_all(transfers).await;
        assert_eq!((one.status().streams, other.status().streams), (0, 0));
    }

    #[tokio::test]
    async fn between_the_same_two_it_is_first_come_first_served() {
        let queue = StreamQueue::default();
        let (source, destination) = (client("a.example", 1), client("b.example", 1));
        let held = queue.acquire(source.limited(), destination.limited()).await;
        let mut first = waiting(&queue, &source, &destination);
        let mut second = waiting(&queue, &source, &destination);
        drop(held);
        assert!((&mut second).now_or_never().is_none());
        let held = (&mut first).now_or_never();
        assert!(held.is_some());
        drop((first, held));
        assert!(second.now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_raised_limit_lets_the_next_one_in() {
        let queue = StreamQueue::default();
        let (source, destination) = (client("a.example", 9), client("b.example", 1));
        let _held = queue.acquire(source.limited(), destination.limited()).await;
        let next = waiting(&queue, &source, &destination);
        destination.limiter().set(RegistryLimit::Streams(2));
        assert!(next.now_or_never().is_some());
    }

    /// Two registries that are both always busy with others, and never free at the same moment.
    #[tokio::test]
    async fn nobody_is_overtaken_for_ever() {
        let queue = StreamQueue::default();
        let (source, destination) = (client("a.example", 1), client("b.example", 1));
        let (third, fourth) = (client("c.example", 99), client("d.example", 99));
        let ways = [(&source, &third), (&fourth, &destination)];
        let mut held = Vec::new();
        for (from, to) in ways {
            held.push(queue.acquire(from.limited(), to.limited()).await);
        }
        let mut waiting_for_both = waiting(&queue, &source, &destination);
        for round in 0.. {
            assert!(round < 3 * MAX_OVERTAKEN, "overtaken again and again");
            let (from, to) = ways[usize::try_from(round).unwrap() % 2];
            let mut next = waiting(&queue, from, to);
            drop(held.remove(0));
            if (&mut waiting_for_both).now_or_never().is_some() {
                break;
            }
            held.extend((&mut next).now_or_never());
        }
        // Nothing stays reserved.
        drop((waiting_for_both, held));
        for (from, to) in ways {
            assert!(
                queue
                    .acquire(from.limited(), to.limited())
                    .now_or_never()
                    .is_some()
            );
        }
    }
}

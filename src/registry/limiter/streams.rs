//! The blob streams of one registry: how many there are, and how many are in use.
//!
//! Decides nothing about whose turn it is; that is `stream_queue`. Invariant: a lowered limit takes effect as streams end,
//! never by killing one, and whoever waits for a permit is woken when there may be one.

use std::sync::{
    Arc,
    atomic::{
        AtomicBool, AtomicU64, AtomicUsize,
        Ordering::{Relaxed, SeqCst},
    },
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, futures::OwnedNotified};

#[derive(Debug)]
pub(in crate::registry) struct Streams {
    permits: Arc<Semaphore>,
    /// Permits given out or free; the semaphore's total once `surplus` is withdrawn.
    limit: AtomicUsize,
    /// Permits to be withdrawn as soon as they come back.
    surplus: Arc<AtomicUsize>,
    /// Told when a permit may be free.
    freed: Arc<Notify>,
    /// How many permits were ever given.
    given: AtomicU64,
    /// The next permits are for whoever set this.
    reserved: AtomicBool,
}

/// The right to have one blob body in flight.
#[derive(Debug)]
pub struct StreamPermit {
    permit: Option<OwnedSemaphorePermit>,
    surplus: Arc<AtomicUsize>,
    freed: Arc<Notify>,
}

/// The next free permits of a registry are kept for whoever has this.
pub(in crate::registry) struct Reservation<'a>(&'a Streams);

impl Streams {
    pub(in crate::registry) fn new(limit: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(limit)),
            limit: AtomicUsize::new(limit),
            surplus: Arc::default(),
            freed: Arc::default(),
            given: AtomicU64::new(0),
            reserved: AtomicBool::new(false),
        }
    }

    /// A permit, if one is free and not reserved for somebody else.
    pub(in crate::registry) fn try_take(
        &self,
        reservation: Option<&Reservation<'_>>,
    ) -> Option<StreamPermit> {
        if !self.has_free(reservation) {
            return None;
        }
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        self.given.fetch_add(1, Relaxed);
        Some(StreamPermit {
            permit: Some(permit),
            surplus: Arc::clone(&self.surplus),
            freed: Arc::clone(&self.freed),
        })
    }

    pub(in crate::registry) fn has_free(&self, reservation: Option<&Reservation<'_>>) -> bool {
        let own = reservation.is_some_and(|reservation| std::ptr::eq(reservation.0, self));
        self.free() > 0 && (own || !self.reserved.load(SeqCst))
    }

    /// Ends when a permit may be free that was not when this was called.
    pub(in crate::registry) fn freed(&self) -> OwnedNotified {
        Arc::clone(&self.freed).notified_owned()
    }

    pub(in crate::registry) fn given(&self) -> u64 {
        self.given.load(Relaxed)
    }

    /// Keeps the next permits for the caller, until what is returned is dropped.
    pub(in crate::registry) fn reserve(&self) -> Reservation<'_> {
        self.reserved.store(true, SeqCst);
        Reservation(self)
    }

    /// Called by one at a time.
    pub(in crate::registry) fn set_limit(&self, wanted: usize) {
        let had = self.limit.swap(wanted, Relaxed);
        if wanted > had {
            // Permits not yet withdrawn are simply kept.
            let owed = self.surplus.fetch_update(Relaxed, Relaxed, |surplus| {
                Some(surplus.saturating_sub(wanted - had))
            });
            let kept = owed.unwrap_or(0).min(wanted - had);
            self.permits.add_permits(wanted - had - kept);
            self.freed.notify_waiters();
        } else {
            let withdrawn = self.permits.forget_permits(had - wanted);
            self.surplus.fetch_add(had - wanted - withdrawn, Relaxed);
        }
    }

    pub(in crate::registry) fn used(&self) -> usize {
        let given_out_or_free = self.limit.load(Relaxed) + self.surplus.load(Relaxed);
        given_out_or_free.saturating_sub(self.free())
    }

    pub(in crate::registry) fn free(&self) -> usize {
        self.permits.available_permits()
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let owed = self
            .surplus
            .fetch_update(Relaxed, Relaxed, |surplus| surplus.checked_sub(1));
        match (owed, self.permit.take()) {
            (Ok(_), Some(permit)) => permit.forget(),
            (_, permit) => drop(permit),
        }
        self.freed.notify_waiters();
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.0.reserved.store(false, SeqCst);
        self.0.freed.notify_waiters();
    }
}

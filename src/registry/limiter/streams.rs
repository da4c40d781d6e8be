//! The permits for blob streams of one registry.
//!
//! Decides how many there are; `stream_queue` decides who gets one. Invariants: a lowered limit takes effect as streams
//! end. Waiters are woken whenever a permit may be free.

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
    /// The semaphore's total once `surplus` is withdrawn.
    limit: AtomicUsize,
    /// Permits to withdraw when they are returned.
    surplus: Arc<AtomicUsize>,
    /// Notified when a permit may be free.
    freed: Arc<Notify>,
    /// How many permits were ever acquired.
    acquired: AtomicU64,
    /// Only the holder of the [`Reservation`] may acquire permits.
    reserved: AtomicBool,
}

/// Permission for one blob body in flight.
#[derive(Debug)]
pub struct StreamPermit {
    permit: Option<OwnedSemaphorePermit>,
    surplus: Arc<AtomicUsize>,
    freed: Arc<Notify>,
}

/// Keeps the next free permits of a registry for its holder.
pub(in crate::registry) struct Reservation<'a>(&'a Streams);

impl Streams {
    pub(in crate::registry) fn new(limit: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(limit)),
            limit: AtomicUsize::new(limit),
            surplus: Arc::default(),
            freed: Arc::default(),
            acquired: AtomicU64::new(0),
            reserved: AtomicBool::new(false),
        }
    }

    /// A permit, if one is free and not reserved for another caller.
    pub(in crate::registry) fn try_acquire(
        &self,
        reservation: Option<&Reservation<'_>>,
    ) -> Option<StreamPermit> {
        if !self.has_free(reservation) {
            return None;
        }
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        self.acquired.fetch_add(1, Relaxed);
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

    /// Resolves when a permit may have become free after this call.
    pub(in crate::registry) fn freed(&self) -> OwnedNotified {
        Arc::clone(&self.freed).notified_owned()
    }

    pub(in crate::registry) fn acquired(&self) -> u64 {
        self.acquired.load(Relaxed)
    }

    /// Keeps the next permits for the caller until the reservation is dropped.
    pub(in crate::registry) fn reserve(&self) -> Reservation<'_> {
        self.reserved.store(true, SeqCst);
        Reservation(self)
    }

    /// Must not be called concurrently.
    pub(in crate::registry) fn set_limit(&self, new: usize) {
        let old = self.limit.swap(new, Relaxed);
        if new > old {
            // First keep permits that are not withdrawn yet.
            let owed = self.surplus.fetch_update(Relaxed, Relaxed, |surplus| {
                Some(surplus.saturating_sub(new - old))
            });
            let reused = owed.unwrap_or(0).min(new - old);
            self.permits.add_permits(new - old - reused);
            self.freed.notify_waiters();
        } else {
            let withdrawn = self.permits.forget_permits(old - new);
            self.surplus.fetch_add(old - new - withdrawn, Relaxed);
        }
    }

    pub(in crate::registry) fn used(&self) -> usize {
        let total = self.limit.load(Relaxed) + self.surplus.load(Relaxed);
        total.saturating_sub(self.free())
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

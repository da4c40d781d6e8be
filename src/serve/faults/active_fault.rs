//! A fault in a running server: how often it was hit, whether it took effect, and what it remembers.
//!
//! Decides which of the requests that fit are hit. Invariant: a fault took effect only if the client could notice it.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use axum::http::request::Parts;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{action::Action, fault::Fault};

/// A fault in a running server. Clones are the same fault.
#[derive(Clone, Debug)]
pub struct ActiveFault(Arc<Active>);

#[derive(Debug)]
struct Active {
    fault: Fault,
    /// Whether it must have taken effect when it ends.
    is_required: bool,
    fitting: Mutex<u64>,
    hits: watch::Sender<u64>,
    effect: Effect,
    released: CancellationToken,
    memory: Mutex<Memory>,
}

/// Whether a fault did to at least one request what it is for: a cut after 1,000 bytes hits a request of 10 bytes and
/// has no effect on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effect(Arc<AtomicBool>);

/// What an action remembers from one request to the next.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The `_state` that must come back with each session, by path.
    pub(super) states: HashMap<String, String>,
    /// Sessions, by path, whose last chunk was too short to be followed by another.
    pub(super) short: HashSet<String>,
}

impl Effect {
    pub(crate) fn mark(&self) {
        self.0.store(true, SeqCst);
    }
}

impl ActiveFault {
    pub(super) fn new(fault: Fault, is_required: bool) -> Self {
        Self(Arc::new(Active {
            fault,
            is_required,
            fitting: Mutex::new(0),
            hits: watch::Sender::new(0),
            effect: Effect::default(),
            released: CancellationToken::new(),
            memory: Mutex::default(),
        }))
    }

    /// How many requests it has acted on.
    #[must_use]
    pub fn hits(&self) -> u64 {
        *self.0.hits.borrow()
    }

    /// Waits until it has acted on `count` requests.
    pub async fn hit_times(&self, count: u64) {
        let mut hits = self.0.hits.subscribe();
        // The sender lives as long as `self`.
        let _never_closed = hits.wait_for(|hits| *hits >= count).await;
    }

    /// Lets what it stalls go on, now and later.
    pub fn release(&self) {
        self.0.released.cancel();
    }

    /// Why this fault proves nothing: it was required and took no effect.
    pub(super) fn unmet(&self) -> Option<String> {
        let took_effect = self.0.effect.0.load(SeqCst);
        (self.0.is_required && !took_effect).then(|| {
            let (hits, fault) = (self.hits(), &self.0.fault);
            format!("a fault took no effect ({hits} requests hit): {fault:?}")
        })
    }

    pub(super) fn action(&self) -> &Action {
        &self.0.fault.action
    }

    pub(super) fn effect(&self) -> Effect {
        self.0.effect.clone()
    }

    pub(super) fn released(&self) -> WaitForCancellationFutureOwned {
        self.0.released.clone().cancelled_owned()
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the request is hit; counted if so.
    pub(super) fn hit(&self, request: &Parts) -> bool {
        if !self.0.fault.fits(request) {
            return false;
        }
        let mut fitting = (self.0.fitting)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_hit = self.0.fault.includes(*fitting);
        *fitting += 1;
        if is_hit {
            self.0.hits.send_modify(|hits| *hits += 1);
        }
        is_hit
    }
}

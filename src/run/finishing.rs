//! Ends a batch at the stores of this machine: packs archives, loads images into daemons.
//!
//! Decides when: once nothing is left to copy, as soon as no image failed, else when the run ends. Invariants: the results
//! of the images are recorded before, so that a finished store is not written again; a store that is not finished keeps
//! what it has, and resuming the batch tries again.

use std::{future, sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::timeout};

use crate::{
    batch::Board,
    copy::Engine,
    journal::Recorder,
    oci::LocalStore,
    transport::{Error, Finished},
};

/// How long a journal that cannot be written is waited for. The stores are finished without it, too.
const JOURNAL_LIMIT: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct Finishing {
    task: Option<JoinHandle<Vec<Finished>>>,
    /// Whether the stores were finished after the last image that was copied.
    is_current: bool,
    /// Whether it was said since then that failed images hold the stores back.
    is_hold_noted: bool,
    /// The last failure.
    pub error: Option<Error>,
}

impl Finishing {
    /// An image starts, so the stores have to be finished again after it.
    pub(super) fn image_started(&mut self) {
        self.is_current = false;
        self.is_hold_noted = false;
    }

    /// The stores that are not finished because images failed that may be tried again; once after each copy.
    pub(super) fn held_back(&mut self, board: &Board, engine: &Engine) -> Vec<String> {
        if self.is_current || self.is_hold_noted || !board.all_done() {
            return Vec::new();
        }
        self.is_hold_noted = true;
        names(&engine.stores().unfinished())
    }

    /// Starts if it is time; returns the stores that are being finished. `is_last` says that no image will be tried again
    /// in this run.
    pub(super) fn start_if_due(
        &mut self,
        board: &Board,
        engine: &Arc<Engine>,
        journal: &Recorder,
        is_last: bool,
    ) -> Vec<String> {
        let is_complete = board.counts().failed == 0;
        if self.is_current || self.task.is_some() || !board.all_done() || !(is_complete || is_last)
        {
            return Vec::new();
        }
        self.is_current = true;
        self.error = None;
        let unfinished = engine.stores().unfinished();
        if unfinished.is_empty() {
            return Vec::new();
        }
        let (engine, written) = (Arc::clone(engine), journal.flush());
        let finish = async move {
            // A failure is reported where the batch is recorded.
            let _recorded = timeout(JOURNAL_LIMIT, written).await;
            engine.stores().finish(is_complete).await
        };
        self.task = Some(tokio::spawn(finish));
        names(&unfinished)
    }

    pub(super) fn is_running(&self) -> bool {
        self.task.is_some()
    }

    /// Waits for the stores; for ever if none are being finished.
    pub(super) async fn ended(&mut self) -> Vec<Finished> {
        let Some(task) = &mut self.task else {
            return future::pending().await;
        };
        let finished = task.await.unwrap_or_default();
        self.task = None;
        finished
    }
}

fn names(stores: &[LocalStore]) -> Vec<String> {
    stores.iter().map(ToString::to_string).collect()
}

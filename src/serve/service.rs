//! What every request is answered from: content, uploads, access rules and the fault script.
//!
//! Decides nothing. Invariant: blocking work on the disk never runs on a thread that drives connections.

use std::{io, time::Duration};

use super::{
    access_log::AccessLog,
    auth::Gate,
    errors::ErrorResponse,
    faults::Faults,
    options::{Access, MissingContent, Options},
    store::Store,
    uploads::Uploads,
};

pub(crate) struct Service {
    pub(crate) store: Store,
    pub(crate) uploads: Uploads,
    pub(crate) auth: Gate,
    pub(crate) access: Access,
    pub(crate) missing_content: MissingContent,
    /// How long a body may pause.
    pub(crate) stall: Duration,
    pub(crate) faults: Faults,
    pub(crate) access_log: Option<AccessLog>,
}

impl Service {
    pub(crate) fn new(store: Store, options: Options) -> Self {
        Self {
            uploads: Uploads::new(store.clone(), options.uploads),
            store,
            auth: Gate::new(options.auth, options.tls.is_some()),
            access: options.access,
            missing_content: options.missing_content,
            stall: options.connections.stall,
            faults: Faults::default(),
            access_log: options.access_log,
        }
    }

    /// Runs disk work on a thread that may block.
    pub(crate) async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(Store) -> io::Result<T> + Send + 'static,
    ) -> Result<T, ErrorResponse> {
        let store = self.store.clone();
        let done = tokio::task::spawn_blocking(move || work(store)).await;
        Ok(done.map_err(io::Error::other)??)
    }
}

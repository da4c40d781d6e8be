//! The running registry.
//!
//! Decides when it starts and stops. Invariant: every task belongs to the [`Server`] and ends with it.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    access_log::AccessLog,
    connections::{self, Connections},
    faults::Faults,
    options::Options,
    pipeline,
    service::Service,
    store::Store,
};

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("open the registry directory {}", directory.display())]
    Directory {
        directory: PathBuf,
        #[source]
        error: io::Error,
    },
    #[error("listen on {address}")]
    Listen {
        address: SocketAddr,
        #[source]
        error: io::Error,
    },
}

/// A running registry, until it is stopped or dropped.
pub struct Server {
    address: SocketAddr,
    service: Arc<Service>,
    stop: CancellationToken,
    accepting: AbortOnDropHandle<()>,
    _pruning: AbortOnDropHandle<()>,
}

impl Server {
    /// Serves `options.directory` at `address`; port 0 picks a free one.
    pub async fn bind(address: SocketAddr, options: Options) -> Result<Self, ServeError> {
        let store = Store::open(&options.directory).map_err(|error| ServeError::Directory {
            directory: options.directory.clone(),
            error,
        })?;
        let listen = |error| ServeError::Listen { address, error };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let (throttle, limits, tls) = (options.throttle, options.connections, options.tls.clone());
        let service = Arc::new(Service::new(store, options));
        let stop = CancellationToken::new();
        let connections = Connections {
            router: pipeline::router(Arc::clone(&service)),
            throttle,
            limits,
            tls,
            stop: stop.clone(),
        };
        let accepting = connections::accept(listener, connections);
        let pruned = Arc::clone(&service);
        let pruning = async move { pruned.uploads.prune().await };
        Ok(Self {
            address,
            service,
            stop,
            accepting: AbortOnDropHandle::new(tokio::spawn(accepting)),
            _pruning: AbortOnDropHandle::new(tokio::spawn(pruning)),
        })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    #[must_use]
    pub fn store(&self) -> &Store {
        &self.service.store
    }

    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.service.faults
    }

    /// The log of the [`Options`]; an empty one if they have none.
    #[must_use]
    pub fn access_log(&self) -> AccessLog {
        self.service.access_log.clone().unwrap_or_default()
    }

    /// Makes every token issued so far expire now.
    pub fn expire_tokens(&self) {
        self.service.auth.expire_tokens();
    }

    /// Accepts no more connections, finishes the requests under way, and cuts those that take longer than two
    /// seconds.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Err(error) = (&mut self.accepting).await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

impl Drop for Server {
    /// # Panics
    /// A fault that had to take effect did not: the test that added it proves nothing.
    fn drop(&mut self) {
        self.service.faults.assert_effects();
    }
}

//! The running registry, and what a request passes on the way to its answer.
//!
//! Decides the order: access log, fault script, authorization, route. Invariant: every task belongs to
//! the [`Server`] and ends with it.

use std::{io, net::SocketAddr, num::NonZeroU64, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, HttpBody},
    extract::State,
    http::{HeaderName, HeaderValue, Method, Request, header, request::Parts},
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    access_log::AccessLog,
    auth::{Auth, Gate},
    connection::Switch,
    connections::{self, ConnectionLimits, Connections},
    errors::ErrorResponse,
    fault_body::{Count, FaultBody},
    faults::{AppliedFaults, Faults},
    paths::Resource,
    routes,
    slow_client::WatchedBody,
    store::Store,
    tls::Tls,
    uploads::{UploadLimits, Uploads},
};

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// How long, and how much, is read of a body that nobody wanted, so that the client gets to read the
/// answer instead of finding its connection reset.
const UNWANTED_FOR: Duration = Duration::from_secs(1);
const UNWANTED_BYTES: u64 = 256 * 1024;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    #[default]
    ReadWrite,
    ReadOnly,
}

/// What becomes of a manifest that names content the repository does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingContent {
    #[default]
    Refused,
    /// Stored as it is, as the conformance suite's sparse manifests want it.
    Allowed,
}

#[derive(Clone, Debug)]
pub struct Options {
    /// Where the content is; made if it does not exist.
    pub directory: PathBuf,
    /// Bytes a second for each direction of each connection.
    pub throttle: Option<NonZeroU64>,
    /// Where requests are recorded. Kept in memory: leave it out where a server runs for long.
    pub access_log: Option<AccessLog>,
    pub access: Access,
    pub auth: Auth,
    /// Without, the registry speaks plain HTTP.
    pub tls: Option<Tls>,
    pub missing_content: MissingContent,
    pub connections: ConnectionLimits,
    pub uploads: UploadLimits,
}

impl Options {
    /// Open to everybody, over plain HTTP, unthrottled, without an access log.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            throttle: None,
            access_log: None,
            access: Access::default(),
            auth: Auth::default(),
            tls: None,
            missing_content: MissingContent::default(),
            connections: ConnectionLimits::default(),
            uploads: UploadLimits::default(),
        }
    }
}

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

/// A registry that answers until it is stopped or dropped.
pub struct Server {
    address: SocketAddr,
    service: Arc<Service>,
    stop: CancellationToken,
    accepting: AbortOnDropHandle<()>,
    _pruning: AbortOnDropHandle<()>,
}

impl Server {
    /// Starts to serve `options.directory` at `address`; port 0 picks a free one.
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
            router: router(Arc::clone(&service)),
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

    /// The log given in [`Options`]; an empty one if none was.
    #[must_use]
    pub fn access_log(&self) -> AccessLog {
        self.service.access_log.clone().unwrap_or_default()
    }

    /// Makes every token given out so far expire now.
    pub fn expire_tokens(&self) {
        self.service.auth.expire_tokens();
    }

    /// Takes no more connections, finishes what is being answered, and cuts what takes longer than two
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

/// Everything a request is answered from.
pub(crate) struct Service {
    pub(crate) store: Store,
    pub(crate) uploads: Uploads,
    pub(crate) auth: Gate,
    pub(crate) access: Access,
    pub(crate) missing_content: MissingContent,
    /// How long is waited for a body to go on.
    stall: Duration,
    faults: Faults,
    access_log: Option<AccessLog>,
}

impl Service {
    fn new(store: Store, options: Options) -> Self {
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

    async fn answer(&self, request: &Parts, body: &mut Body) -> Result<Response, ErrorResponse> {
        let resource = Resource::parse(request.uri.path())?;
        self.auth.check(request, &resource).await?;
        routes::answer(self, request, resource, body).await
    }
}

/// The registry apart from how its bytes come and go.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new().fallback(handle).with_state(service)
}

async fn handle(State(service): State<Arc<Service>>, request: Request<Body>) -> Response {
    let (mut request, body) = request.into_parts();
    let entry = service.access_log.as_ref().map(|log| log.begin(&request));
    let switch = request
        .extensions
        .get::<Switch>()
        .cloned()
        .unwrap_or_default();
    let faults = AppliedFaults::new(service.faults.hit(&request), switch);
    let length = body.size_hint().exact();
    let took = entry
        .clone()
        .map(|entry| -> Count { Box::new(move |bytes| entry.took(bytes)) });
    let body = WatchedBody::body(body, service.stall);
    let mut body = FaultBody::body(body, took, faults.request_body());
    let mut response = match faults.before(&service, &mut request, length).await {
        Some(response) => response,
        None => service
            .answer(&request, &mut body)
            .await
            .unwrap_or_else(ErrorResponse::into_response),
    };
    read_unwanted(&request, &mut body).await;
    response
        .headers_mut()
        .insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    if request.method == Method::HEAD {
        response = routes::without_body(response);
    }
    faults.after(&request, &mut response);
    if let Some(entry) = &entry {
        entry.answered(response.status());
    }
    let gave = entry.map(|entry| -> Count { Box::new(move |bytes| entry.gave(bytes)) });
    let body_faults = faults.response_body();
    response.map(|body| FaultBody::body(body, gave, body_faults))
}

async fn read_unwanted(request: &Parts, body: &mut Body) {
    // Who waits for a "100 Continue" has not sent anything, and must not be asked to.
    if body.is_end_stream() || request.headers.contains_key(header::EXPECT) {
        return;
    }
    let reading = async {
        let mut left = UNWANTED_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, |bytes| bytes.len() as u64);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    let _given_up = tokio::time::timeout(UNWANTED_FOR, reading).await;
}

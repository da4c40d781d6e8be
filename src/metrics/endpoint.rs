//! The endpoint that Prometheus scrapes: GET /metrics and GET /healthz over HTTP.
//!
//! Decides the limits for clients. Invariant: a connection gets one answer and ends within [`CONNECTION_TIME`], so that
//! clients that send nothing, or read nothing, cannot keep others out for long.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::TcpStream,
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::exposition::{Format, Metrics};

/// Connections at once; more wait to be accepted.
const MAX_CONNECTIONS: usize = 16;
/// For the request, the answer, and reading it.
const CONNECTION_TIME: Duration = Duration::from_secs(10);
/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 16 << 10;
/// How long a stopping endpoint waits for the answers it is sending.
const GRACE: Duration = Duration::from_secs(1);
/// Pause after the system refused a connection, usually because no file descriptor is free.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// An endpoint that listens and does not answer yet.
#[derive(Debug)]
pub struct Endpoint {
    listener: TcpListener,
    address: SocketAddr,
}

/// An endpoint that answers until it is stopped or dropped.
#[derive(Debug)]
pub struct RunningEndpoint {
    stop: CancellationToken,
    serving: AbortOnDropHandle<()>,
}

impl Endpoint {
    /// Listens at `address`; at a free port for port 0.
    ///
    /// # Errors
    /// If the port is in use, or the address is not one of this machine.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers from now on.
    ///
    /// # Errors
    /// If the listener cannot be watched.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn serve(self, metrics: Arc<Metrics>) -> io::Result<RunningEndpoint> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let stop = CancellationToken::new();
        let serving = tokio::spawn(accept(listener, router(metrics), stop.clone()));
        let serving = AbortOnDropHandle::new(serving);
        Ok(RunningEndpoint { stop, serving })
    }
}

impl RunningEndpoint {
    /// Accepts no further connection and ends within about a second.
    pub async fn stop(self) {
        self.stop.cancel();
        // It only fails if it panicked, and then it has stopped.
        let _ = self.serving.await;
    }
}

fn router(metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/metrics", get(answer))
        .route("/healthz", get(async || "ok\n"))
        .with_state(metrics)
}

async fn answer(State(metrics): State<Arc<Metrics>>, headers: HeaderMap) -> Response {
    let format = format_for(&headers);
    match metrics.text(format) {
        Ok(text) => ([(header::CONTENT_TYPE, format.content_type())], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// OpenMetrics, unless the client names only the text format.
fn format_for(headers: &HeaderMap) -> Format {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let accepted: Vec<&str> = accepted.filter_map(|value| value.to_str().ok()).collect();
    let names = |media_type| accepted.iter().any(|value| value.contains(media_type));
    match names("text/plain") && !names("application/openmetrics-text") {
        true => Format::PrometheusText,
        false => Format::OpenMetrics,
    }
}

async fn accept(listener: tokio::net::TcpListener, router: Router, stop: CancellationToken) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            // The semaphore is never closed.
            let permit = Arc::clone(&permits).acquire_owned().await.ok();
            (listener.accept().await, permit)
        };
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            (accepted, permit) = next => match accepted {
                Ok((stream, _)) => {
                    let serving = serve(stream, router.clone());
                    connections.spawn(async move {
                        // A client that is too slow or breaks off has no answer.
                        let _ = timeout(CONNECTION_TIME, serving).await;
                        drop(permit);
                    });
                }
                Err(_) => sleep(ACCEPT_AGAIN).await,
            },
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(GRACE, ended).await;
}

async fn serve(stream: TcpStream, router: Router) -> hyper::Result<()> {
    http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await
}

#[cfg(test)]
mod tests;

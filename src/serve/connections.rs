//! Accepts connections.
//!
//! Decides that a connection beyond the limit waits until another ends, and that an idle one is closed. Invariant: every
//! connection belongs to [`accept`] and ends with it.

use std::{net::SocketAddr, num::NonZeroU64, sync::Arc, time::Duration};

use axum::{Extension, Router};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    connection::{Connection, Switch},
    slow_client::WatchedWrites,
    tls::Tls,
};

/// How long a stopping server waits for the requests it is answering.
const GRACE: Duration = Duration::from_secs(2);
/// Pause after the system refused a connection, usually because no file descriptor is free.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// Limits for clients.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Connections that are open at once; more wait to be accepted.
    pub open: usize,
    /// Time for the whole head of the next request, idle time included: an idle connection costs as much as one that
    /// sends its head byte by byte. Also the time for the TLS handshake.
    pub next_request: Duration,
    /// Time in which a client must send 64 KiB of a request body, or receive 64 KiB of an answer.
    pub stall: Duration,
}

impl Default for ConnectionLimits {
    /// 400 connections, since each may have two files open and 1,024 is the usual limit; 75 s, longer than clients
    /// keep idle connections; 60 s.
    fn default() -> Self {
        Self {
            open: 400,
            next_request: Duration::from_secs(75),
            stall: Duration::from_secs(60),
        }
    }
}

/// The client's address, an extension of every request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// What all connections have in common.
pub(super) struct Connections {
    pub(super) router: Router,
    pub(super) throttle: Option<NonZeroU64>,
    pub(super) limits: ConnectionLimits,
    pub(super) tls: Option<Tls>,
    pub(super) stop: CancellationToken,
}

/// Accepts connections until it is stopped, then waits [`GRACE`] for the requests under way.
pub(super) async fn accept(listener: TcpListener, connections: Connections) {
    let open = Arc::new(Semaphore::new(connections.limits.open));
    let connections = Arc::new(connections);
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            () = connections.stop.cancelled() => break,
            // Removes finished tasks, so that the set does not grow.
            Some(_) = tasks.join_next() => {}
            accepted = next(&listener, &open) => match accepted {
                Ok((stream, peer, permit)) => {
                    let connections = Arc::clone(&connections);
                    tasks.spawn(async move {
                        connections.converse(stream, peer).await;
                        drop(permit);
                    });
                }
                // The client has left, or no file descriptor is free.
                Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
            },
        }
    }
    drop(listener);
    let finished = async { while tasks.join_next().await.is_some() {} };
    let _cut = timeout(GRACE, finished).await;
}

async fn next(
    listener: &TcpListener,
    open: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(open).acquire_owned().await;
    let permit = permit.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, permit))
}

impl Connections {
    async fn converse(&self, stream: TcpStream, peer: SocketAddr) {
        // Answers are small, and clients wait for them. Without the option they are only slower.
        let _slower = stream.set_nodelay(true);
        let stream = WatchedWrites::new(stream, self.limits.stall);
        match &self.tls {
            None => self.answer(stream, peer).await,
            Some(tls) => {
                let agreeing = timeout(self.limits.next_request, tls.accept(stream));
                let agreed = tokio::select! {
                    agreed = agreeing => agreed,
                    () = self.stop.cancelled() => return,
                };
                // A failed handshake closes the connection.
                if let Ok(Ok(stream)) = agreed {
                    self.answer(stream, peer).await;
                }
            }
        }
    }

    /// Answers the requests of one connection, one after the other.
    async fn answer<T>(&self, stream: T, peer: SocketAddr)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let switch = Switch::default();
        let wire = Connection::new(stream, switch.clone(), self.throttle);
        let router = self.router.clone().layer(Extension(switch));
        let service = TowerToHyperService::new(router.layer(Extension(Peer(peer))));
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.next_request)
            .serve_connection(TokioIo::new(wire), service);
        let mut connection = std::pin::pin!(connection);
        // The client left, was silent too long, or a fault cut the connection. Nothing is left to do.
        let _over = tokio::select! {
            over = connection.as_mut() => over,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
    }
}

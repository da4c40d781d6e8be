//! Who may be connected, and for how long without saying anything.
//!
//! Decides that a connection beyond the limit waits until another ends, and that each ends when its next request
//! does not come. Invariant: every connection belongs to [`accept`] and ends with it.

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
/// How long to leave the system alone when it has no more connections to give.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// What a client may take of the server.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Connections that are open at once; more wait to be accepted.
    pub open: usize,
    /// How long a client may take for the whole head of its next request, idle or not. An idle connection and one
    /// that sends its head byte by byte cost the same, so one limit is for both. TLS has as long to be agreed on.
    pub next_request: Duration,
    /// How long is waited for 64 KiB of a request's body to arrive, or of an answer to be taken.
    pub stall: Duration,
}

impl Default for ConnectionLimits {
    /// 400, since each may have two files open and 1,024 is the usual limit; 75 s, longer than clients keep idle
    /// connections; a minute.
    fn default() -> Self {
        Self {
            open: 400,
            next_request: Duration::from_secs(75),
            stall: Duration::from_secs(60),
        }
    }
}

/// The client's address, given to every request.
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

/// Takes connections until it is told to stop, then waits a moment for those that are answered.
pub(super) async fn accept(listener: TcpListener, connections: Connections) {
    let open = Arc::new(Semaphore::new(connections.limits.open));
    let connections = Arc::new(connections);
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            () = connections.stop.cancelled() => break,
            // Taking the finished ones out, so that the set does not grow.
            Some(_) = tasks.join_next() => {}
            accepted = next(&listener, &open) => match accepted {
                Ok((stream, peer, permit)) => {
                    let connections = Arc::clone(&connections);
                    tasks.spawn(async move {
                        connections.converse(stream, peer).await;
                        drop(permit);
                    });
                }
                // One connection was given up, or there are no more files to open.
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
        // Answers are small and waited for; a connection that refuses this is only slower.
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
                // Whoever speaks no TLS, or another, finds the connection closed.
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
        // An error here is the client's leaving, its silence or a scripted cut; all are over with the connection.
        let _over = tokio::select! {
            over = connection.as_mut() => over,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
    }
}

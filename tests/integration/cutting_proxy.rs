//! A TCP proxy that cuts or stalls connections, for registries without a fault script.
//!
//! Decides by the bytes that passed. Invariant: bytes pass unchanged and in order.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_util::task::AbortOnDropHandle;

/// Cuts a connection each time `every` bytes have passed in one direction through all connections, `times` times.
#[derive(Clone, Copy, Debug)]
pub struct Cuts {
    pub of: Direction,
    pub every: u64,
    pub times: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Requests,
    Answers,
}

pub struct CuttingProxy {
    address: String,
    next_cut: Arc<NextCut>,
    silence: Arc<Silence>,
    _accepting: AbortOnDropHandle<()>,
}

/// The cuts left, and the bytes until the next one.
type NextCut = Mutex<Option<(Cuts, u64)>>;

/// Bytes of requests until both directions stall; `None` without a stall.
type Silence = watch::Sender<Option<u64>>;

impl CuttingProxy {
    /// A proxy of the registry at `registry`, which may be restarted.
    pub async fn before(registry: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let next_cut = Arc::<NextCut>::default();
        let silence = Arc::new(watch::Sender::new(None));
        let shared = (Arc::clone(&next_cut), Arc::clone(&silence));
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (registry, (next_cut, silence)) = (registry.clone(), shared.clone());
                tokio::spawn(async move {
                    // Without a registry the client finds its connection closed.
                    let Ok(server) = TcpStream::connect(&registry).await else {
                        return;
                    };
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    // Both are dropped when one ends, and with them the connections.
                    tokio::select! {
                        () = copy(from_client, to_server, Direction::Requests, &next_cut, &silence) => {}
                        () = copy(from_server, to_client, Direction::Answers, &next_cut, &silence) => {}
                    }
                });
            }
        });
        Self {
            address,
            next_cut,
            silence,
            _accepting: AbortOnDropHandle::new(accepting),
        }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// Replaces the cuts; `None` ends them.
    pub fn cut(&self, cuts: Option<Cuts>) {
        *self.next_cut.lock().unwrap() = cuts.map(|cuts| (cuts, cuts.every));
    }

    /// Stalls after `after` more bytes of requests; still accepts connections. `None` ends the stall.
    pub fn silence(&self, after: Option<u64>) {
        self.silence.send_replace(after);
    }

    /// Whether it stalls.
    pub fn is_silent(&self) -> bool {
        *self.silence.borrow() == Some(0)
    }

    /// The cuts left.
    pub fn cuts_left(&self) -> u64 {
        let next_cut = self.next_cut.lock().unwrap();
        next_cut.map_or(0, |(cuts, _)| cuts.times)
    }
}

/// Copies one direction of a connection until it ends or is cut.
async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    direction: Direction,
    next_cut: &NextCut,
    silence: &Silence,
) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        if direction == Direction::Requests {
            silence.send_if_modified(|left| match left {
                Some(left @ 1..) => {
                    *left = left.saturating_sub(read as u64);
                    *left == 0
                }
                _ => false,
            });
        }
        let mut changes = silence.subscribe();
        // The sender is borrowed, so the channel is open.
        let _never_closed = changes.wait_for(|left| *left != Some(0)).await.is_ok();
        let passes = passes(&mut next_cut.lock().unwrap(), direction, read);
        if to.write_all(&piece[..passes]).await.is_err() || passes < read {
            return;
        }
    }
}

/// The number of `bytes` that pass before the next cut.
fn passes(next_cut: &mut Option<(Cuts, u64)>, direction: Direction, bytes: usize) -> usize {
    let Some((cuts, left)) = next_cut.as_mut().filter(|(cuts, _)| cuts.of == direction) else {
        return bytes;
    };
    match usize::try_from(*left) {
        Ok(passes) if passes < bytes && cuts.times > 0 => {
            cuts.times -= 1;
            *left = cuts.every;
            passes
        }
        _ => {
            *left = left.saturating_sub(bytes as u64);
            bytes
        }
    }
}

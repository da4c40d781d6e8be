//! A way to a registry that breaks off or falls silent, for registries that cannot be told to misbehave.
//!
//! Decides nothing about when: it counts bytes. Invariant: what is passed on is passed on unchanged and in order.

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

/// Cuts the connection that carries the byte at which so many were carried, in one direction, by all together;
/// so many times.
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
    blade: Arc<Blade>,
    silence: Arc<Silence>,
    _accepting: AbortOnDropHandle<()>,
}

/// The cuts to be made, and how many bytes are left until the next.
type Blade = Mutex<Option<(Cuts, u64)>>;

/// How many bytes of requests still pass before nothing does, in either direction; nothing if all do.
type Silence = watch::Sender<Option<u64>>;

impl CuttingProxy {
    /// Stands before the registry at `registry`, which may come and go.
    pub async fn before(registry: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let blade = Arc::<Blade>::default();
        let silence = Arc::new(watch::Sender::new(None));
        let shared = (Arc::clone(&blade), Arc::clone(&silence));
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (registry, (blade, silence)) = (registry.clone(), shared.clone());
                tokio::spawn(async move {
                    // Without a registry the client finds its connection closed.
                    let Ok(server) = TcpStream::connect(&registry).await else {
                        return;
                    };
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    // Both are dropped when one ends, and with them the connections.
                    tokio::select! {
                        () = carry(from_client, to_server, Direction::Requests, &blade, &silence) => {}
                        () = carry(from_server, to_client, Direction::Answers, &blade, &silence) => {}
                    }
                });
            }
        });
        Self {
            address,
            blade,
            silence,
            _accepting: AbortOnDropHandle::new(accepting),
        }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// From now on; nothing lets everything pass.
    pub fn cut(&self, cuts: Option<Cuts>) {
        *self.blade.lock().unwrap() = cuts.map(|cuts| (cuts, cuts.every));
    }

    /// Lets nothing pass once so many more bytes of requests have; connections are taken all the same. Without a
    /// number everything passes again, also what waits.
    pub fn silence(&self, after: Option<u64>) {
        self.silence.send_replace(after);
    }

    /// Whether nothing passes.
    pub fn is_silent(&self) -> bool {
        *self.silence.borrow() == Some(0)
    }

    /// How many are still to be made.
    pub fn cuts_left(&self) -> u64 {
        let blade = self.blade.lock().unwrap();
        blade.map_or(0, |(cuts, _)| cuts.times)
    }
}

/// Carries one direction of a connection until it ends or is cut.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    direction: Direction,
    blade: &Blade,
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
        let mut heard = silence.subscribe();
        // The sender is borrowed, so it is there.
        let _never_closed = heard.wait_for(|left| *left != Some(0)).await.is_ok();
        let passes = passes(&mut blade.lock().unwrap(), direction, read);
        if to.write_all(&piece[..passes]).await.is_err() || passes < read {
            return;
        }
    }
}

/// How many of `bytes` pass before the next cut.
fn passes(blade: &mut Option<(Cuts, u64)>, direction: Direction, bytes: usize) -> usize {
    let Some((cuts, left)) = blade.as_mut().filter(|(cuts, _)| cuts.of == direction) else {
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

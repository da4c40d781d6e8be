//! A way to a registry that breaks off, for registries that cannot be told to misbehave.
//!
//! Decides nothing about when: it counts bytes. Invariant: what is passed on is passed on unchanged and in order.

use std::sync::{Arc, Mutex};

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

pub struct Knife {
    address: String,
    blade: Arc<Blade>,
    _accepting: AbortOnDropHandle<()>,
}

/// The cuts to be made, and how many bytes are left until the next.
type Blade = Mutex<Option<(Cuts, u64)>>;

impl Knife {
    /// Stands before the registry at `registry`, which may come and go.
    pub async fn before(registry: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let blade = Arc::<Blade>::default();
        let shared = Arc::clone(&blade);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (registry, blade) = (registry.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    // Without a registry the client finds its connection closed.
                    let Ok(server) = TcpStream::connect(&registry).await else {
                        return;
                    };
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    // Both are dropped when one ends, and with them the connections.
                    tokio::select! {
                        () = carry(from_client, to_server, Direction::Requests, &blade) => {}
                        () = carry(from_server, to_client, Direction::Answers, &blade) => {}
                    }
                });
            }
        });
        Self {
            address,
            blade,
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
) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
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

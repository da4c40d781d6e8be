//! A way that is long and narrow: every byte arrives 25 ms later, and no faster than 20 MB a second on each
//! connection.
//!
//! Stands before a registry and passes on what connections carry without looking into it. Invariant: order is
//! kept, and the bytes in flight are bounded, as on a real network.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::Result;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Runtime,
    sync::mpsc,
    time::{Instant, sleep_until},
};

/// One way; there and back is a round trip.
const ONE_WAY: Duration = Duration::from_millis(25);
const BYTES_PER_SECOND: u64 = 20_000_000;
const PIECE: usize = 32 * 1024;
/// Timers wake a millisecond or two late, which is longer than a piece takes; so much may be made up for.
const LATE: Duration = Duration::from_millis(5);
/// Pieces on the way: a second's worth.
const WINDOW: usize = 600;

pub struct Proxy {
    address: SocketAddr,
    _runtime: Runtime,
}

impl Proxy {
    pub fn start(before: SocketAddr) -> Result<Self> {
        let runtime = Runtime::new()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    // Opening a connection takes a round trip of its own.
                    sleep_until(Instant::now() + 2 * ONE_WAY).await;
                    let Ok(server) = TcpStream::connect(before).await else {
                        return;
                    };
                    let _slower = (client.set_nodelay(true), server.set_nodelay(true));
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    tokio::spawn(carry(from_client, to_server));
                    tokio::spawn(carry(from_server, to_client));
                });
            }
        });
        Ok(Self {
            address,
            _runtime: runtime,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Carries one direction of a connection until either end leaves.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
    let (send, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(WINDOW);
    let reading = async move {
        let mut free_at = Instant::now();
        loop {
            let mut piece = vec![0; PIECE];
            let read = from.read(&mut piece).await?;
            if read == 0 {
                return io::Result::Ok(());
            }
            piece.truncate(read);
            free_at = free_at.max(Instant::now() - LATE)
                + Duration::from_nanos(read as u64 * 1_000_000_000 / BYTES_PER_SECOND);
            if send.send((free_at + ONE_WAY, piece)).await.is_err() {
                return Ok(());
            }
            sleep_until(free_at).await;
        }
    };
    let writing = async move {
        while let Some((due, piece)) = pieces.recv().await {
            sleep_until(due).await;
            to.write_all(&piece).await?;
        }
        to.shutdown().await
    };
    let (read, written) = tokio::join!(reading, writing);
    read.and(written)
}

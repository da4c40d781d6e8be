//! A wire that breaks once: whoever sends that many bytes over one connection first loses it.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::AbortOnDropHandle;

pub struct Cutter {
    address: String,
    broken: Arc<AtomicBool>,
    _passing: AbortOnDropHandle<()>,
}

impl Cutter {
    /// Leads to `target`.
    pub async fn start(target: String, bytes: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let broken = Arc::new(AtomicBool::new(false));
        let once = Arc::clone(&broken);
        let passing = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&target).await.unwrap();
                tokio::spawn(pass(near, far, bytes, Arc::clone(&once)));
            }
        });
        Self {
            address,
            broken,
            _passing: AbortOnDropHandle::new(passing),
        }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn has_cut(&self) -> bool {
        self.broken.load(SeqCst)
    }
}

async fn pass(mut near: TcpStream, mut far: TcpStream, bytes: u64, broken: Arc<AtomicBool>) {
    let (mut from_near, mut to_near) = near.split();
    let (mut from_far, mut to_far) = far.split();
    let up = async {
        let sent = copy(&mut (&mut from_near).take(bytes), &mut to_far).await?;
        if sent == bytes && !broken.swap(true, SeqCst) {
            return Ok(());
        }
        copy(&mut from_near, &mut to_far).await?;
        to_far.shutdown().await
    };
    let down = async { copy(&mut from_far, &mut to_near).await.map(drop) };
    // Whoever ends first ends both: connections are dropped here.
    tokio::select! {
        ended = up => drop(ended),
        ended = down => drop(ended),
    }
}

//! Compresses one layer on all cores.
//!
//! The tar is cut into blocks of 1 MiB. Each becomes a gzip member (RFC 1952, 2.2) or a zstd frame (RFC 8878, 3) of its
//! own; readers take members and frames in a row for one stream. Decides block size and level. Invariants: the same tar
//! becomes the same bytes on every machine; memory is bounded by the blocks in flight in the whole process.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read, Write},
    sync::Arc,
    thread::available_parallelism,
};

use libdeflater::{CompressionLvl, Compressor};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
};

use super::super::{LocalErrorCause, blocking::run_blocking, section::Section};
use crate::oci::{Digest, Hasher};
use crate::transport::Codec;

const BLOCK_BYTES: u64 = 1 << 20;
/// Smaller and faster than the layers that skopeo pushes; see `benches/compress`.
const GZIP_LEVEL: i32 = 4;
const ZSTD_LEVEL: i32 = 3;
/// Blocks in flight besides those that are being compressed: read, or waiting to be written.
const WAITING_BLOCKS: usize = 2;

/// Compresses layers. A block in flight takes some 3 MiB.
#[derive(Debug)]
pub(super) struct LayerCompressor {
    blocks: Arc<Semaphore>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub digest: Digest,
    pub size: u64,
}

struct Plain {
    section: Section,
    hasher: Hasher,
}

struct Output {
    file: File,
    hasher: Hasher,
    size: u64,
}

/// A block that is being compressed. The permit is kept until it is written.
struct Block {
    compressed: JoinHandle<Result<Vec<u8>, LocalErrorCause>>,
    permit: OwnedSemaphorePermit,
}

impl LayerCompressor {
    pub(super) fn new() -> Self {
        Self::on(available_parallelism().map_or(1, usize::from))
    }

    fn on(cores: usize) -> Self {
        Self {
            blocks: Arc::new(Semaphore::new(cores + WAITING_BLOCKS)),
        }
    }

    /// Compresses `plain` into `file`.
    ///
    /// # Errors
    /// If the bytes of `plain` are not `diff_id`.
    pub(super) async fn compress(
        &self,
        diff_id: &Digest,
        plain: Section,
        compression: Codec,
        file: File,
    ) -> Result<Written, LocalErrorCause> {
        let hasher = diff_id.hasher();
        let mut plain = Plain {
            section: plain,
            hasher,
        };
        let mut output = Output {
            file,
            hasher: Digest::of(&[]).hasher(),
            size: 0,
        };
        let mut blocks = VecDeque::new();
        let (mut is_started, mut is_read) = (false, false);
        loop {
            if !is_read && let Some(permit) = self.permit(blocks.is_empty()).await {
                let read = run_blocking(move || plain.read_block()).await?;
                let (content, next) = read;
                plain = next;
                is_read = plain.section.remaining() == 0;
                // An empty layer is one empty block.
                if !content.is_empty() || !is_started {
                    is_started = true;
                    let work = move || compress_block(&content, compression);
                    let compressed = tokio::spawn(run_blocking(work));
                    blocks.push_back(Block { compressed, permit });
                }
                continue;
            }
            let Some(Block { compressed, permit }) = blocks.pop_front() else {
                break;
            };
            let content = compressed.await.map_err(io::Error::other)??;
            output = run_blocking(move || output.write(&content)).await?;
            drop(permit);
        }
        let got = plain.hasher.finish();
        if got != *diff_id {
            let expected = diff_id.clone();
            return Err(LocalErrorCause::Corrupt { expected, got });
        }
        Ok(Written {
            digest: output.hasher.finish(),
            size: output.size,
        })
    }

    /// A permit for another block. A layer waits for one only while it has none, so layers cannot deadlock.
    async fn permit(&self, wait: bool) -> Option<OwnedSemaphorePermit> {
        let blocks = Arc::clone(&self.blocks);
        match wait {
            true => blocks.acquire_owned().await.ok(),
            false => blocks.try_acquire_owned().ok(),
        }
    }
}

impl Plain {
    fn read_block(mut self) -> Result<(Vec<u8>, Self), LocalErrorCause> {
        let length = self.section.remaining().min(BLOCK_BYTES);
        let mut content = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        (&mut self.section).take(length).read_to_end(&mut content)?;
        self.hasher.update(&content);
        Ok((content, self))
    }
}

impl Output {
    fn write(mut self, content: &[u8]) -> Result<Self, LocalErrorCause> {
        self.file.write_all(content)?;
        self.hasher.update(content);
        self.size += content.len() as u64;
        Ok(self)
    }
}

fn compress_block(content: &[u8], compression: Codec) -> Result<Vec<u8>, LocalErrorCause> {
    match compression {
        Codec::Gzip => {
            let level = CompressionLvl::new(GZIP_LEVEL).unwrap_or_default();
            let mut compressor = Compressor::new(level);
            let mut compressed = vec![0; compressor.gzip_compress_bound(content.len())];
            let length = compressor
                .gzip_compress(content, &mut compressed)
                .map_err(io::Error::other)?;
            compressed.truncate(length);
            compressed.shrink_to_fit();
            Ok(compressed)
        }
        Codec::Zstd => Ok(zstd::bulk::compress(content, ZSTD_LEVEL)?),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Seek;

    use super::*;

    fn content(length: usize) -> Vec<u8> {
        let number = |at: usize| (at * at / 7 % 251) as u8;
        (0..length).map(number).collect()
    }

    async fn compress(
        cores: usize,
        content: &[u8],
        diff_id: &Digest,
        compression: Codec,
    ) -> Result<(Written, Vec<u8>), LocalErrorCause> {
        let mut plain = tempfile::tempfile().unwrap();
        plain.write_all(content).unwrap();
        let section = Section::new(Arc::new(plain), 0, content.len() as u64);
        let mut file = tempfile::tempfile().unwrap();
        let writer = file.try_clone().unwrap();
        let compressor = LayerCompressor::on(cores);
        let written = compressor.compress(diff_id, section, compression, writer);
        let written = written.await?;
        let mut compressed = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut compressed).unwrap();
        Ok((written, compressed))
    }

    fn decompress(compressed: &[u8], compression: Codec) -> Vec<u8> {
        let mut plain = Vec::new();
        match compression {
            Codec::Gzip => {
                let mut decoder = flate2::read::MultiGzDecoder::new(compressed);
                decoder.read_to_end(&mut plain).unwrap();
            }
            Codec::Zstd => plain = zstd::decode_all(compressed).unwrap(),
        }
        plain
    }

    #[tokio::test]
    async fn a_layer_is_the_same_again_after_decompression_and_on_any_number_of_cores() {
        for compression in [Codec::Gzip, Codec::Zstd] {
            for length in [0, 1, 1 << 20, (5 << 20) + 17] {
                let content = content(length);
                let diff_id = Digest::of(&content);
                let one = compress(1, &content, &diff_id, compression).await.unwrap();
                let many = compress(7, &content, &diff_id, compression).await.unwrap();
                assert!(one == many, "{compression:?} of {length} bytes");
                let (written, compressed) = one;
                assert!(decompress(&compressed, compression) == content);
                assert_eq!(written.digest, Digest::of(&compressed));
                assert_eq!(written.size, compressed.len() as u64);
            }
        }
    }

    #[tokio::test]
    async fn a_layer_that_is_not_its_diff_id_is_refused() {
        let other = Digest::of(b"other");
        let compressed = compress(2, &content(3_000_000), &other, Codec::Gzip).await;
        let error = compressed.unwrap_err();
        assert!(matches!(error, LocalErrorCause::Corrupt { expected, .. } if expected == other));
    }
}

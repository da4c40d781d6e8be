//! Reads one blob from its source into a file.
//!
//! Decides when the content is complete; the store that asks gives the file its name. Invariant: the file of a call that
//! succeeded holds exactly the blob.

use std::{path::Path, sync::Arc};

use tokio::{
    fs::File,
    io::{AsyncWriteExt, BufWriter},
};

use super::error::Context;
use crate::{
    batch::Side,
    registry::LimitedStore,
    transport::{BlobReport, ByteCounter, Destination, PutBlob, PutBlobError, SourceReader},
};

const BUFFER_BYTES: usize = 256 << 10;

/// Writes the blob of `put` to a new file at `path`, which belongs to `destination`. Waits for a stream of both stores.
pub(super) async fn receive(
    put: &PutBlob<'_>,
    destination: &dyn Destination,
    path: &Path,
) -> Result<(), PutBlobError> {
    let source = &**put.source;
    let from = LimitedStore {
        store: source.store(),
        limiter: source.limiter(),
    };
    let to = LimitedStore {
        store: destination.store(),
        limiter: destination.limiter(),
    };
    let _permits = put.streams.acquire(from, to).await;
    let size = put.blob.size;
    let mut reader = SourceReader::new(source, &put.blob.digest, size);
    reader.open().await?;
    let counter = Arc::new(ByteCounter::default());
    (put.report)(BlobReport::Started {
        offset: 0,
        counter: Arc::clone(&counter),
    });
    let mut file = written(File::create_new(path).await, path)?;
    file.set_max_buf_size(BUFFER_BYTES);
    let mut file = BufWriter::with_capacity(BUFFER_BYTES, file);
    while reader.position() < size {
        let chunk = reader.read(size).await?;
        to.limiter.throttle_bytes(chunk.len() as u64).await;
        written(file.write_all(&chunk).await, path)?;
        counter.set(reader.position());
    }
    reader.finish().await?;
    written(file.shutdown().await, path)
}

/// Blames the destination for a failed write.
fn written<T>(result: std::io::Result<T>, path: &Path) -> Result<T, PutBlobError> {
    result
        .context("write", path.display())
        .map_err(|error| PutBlobError {
            side: Side::Destination,
            error: error.into(),
        })
}

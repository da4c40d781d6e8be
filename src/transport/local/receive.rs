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
    registry::RegistryLimiter,
    transport::{BlobReport, ByteCounter, Error, PutBlob, PutBlobError},
};

const BUFFER_BYTES: usize = 256 << 10;

/// Writes the blob of `put` to a new file at `path`. `limiter` is that of the destination.
pub(super) async fn receive(
    put: &PutBlob<'_>,
    limiter: &RegistryLimiter,
    path: &Path,
) -> Result<(), PutBlobError> {
    let (digest, size) = (&put.blob.digest, put.blob.size);
    let source_failed = |error| PutBlobError {
        side: Side::Source,
        error,
    };
    let corrupt = |problem| {
        let digest = digest.clone();
        source_failed(Error::Corrupt { digest, problem })
    };
    let mut stream = (put.source.read_blob(digest, 0).await).map_err(source_failed)?;
    let counter = Arc::new(ByteCounter::default());
    (put.report)(BlobReport::Started {
        offset: 0,
        counter: Arc::clone(&counter),
    });
    let created = File::create_new(path).await;
    let mut file = written(created, path)?;
    file.set_max_buf_size(BUFFER_BYTES);
    let mut file = BufWriter::with_capacity(BUFFER_BYTES, file);
    let mut hasher = digest.hasher();
    let mut position = 0;
    while let Some(chunk) = stream.next().await.map_err(source_failed)? {
        position += chunk.len() as u64;
        if position > size {
            return Err(corrupt(format!(
                "more than the {size} bytes its descriptor says"
            )));
        }
        hasher.update(&chunk);
        put.source
            .limiter()
            .throttle_bytes(chunk.len() as u64)
            .await;
        limiter.throttle_bytes(chunk.len() as u64).await;
        written(file.write_all(&chunk).await, path)?;
        counter.set(position);
    }
    if position < size {
        return Err(corrupt(format!("they end after {position} of {size}")));
    }
    let got = hasher.finish();
    if got != *digest {
        return Err(corrupt(format!("they are {got}")));
    }
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

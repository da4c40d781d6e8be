//! Reads a blob that is small enough for memory.

use crate::{
    oci::Digest,
    transport::{Error, Source},
};

/// The bytes of a blob. `None` if it does not exist, is longer than `limit` bytes, or is not what its digest says.
pub(super) async fn read_small_blob<S: Source + ?Sized>(
    image: &S,
    digest: &Digest,
    limit: usize,
) -> Result<Option<Vec<u8>>, Error> {
    let mut read = match image.read_blob(digest, 0).await {
        Ok(read) => read,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    let (mut bytes, mut hasher) = (Vec::new(), digest.hasher());
    while let Some(chunk) = read.next().await? {
        if bytes.len() + chunk.len() > limit {
            return Ok(None);
        }
        hasher.update(&chunk);
        bytes.extend_from_slice(&chunk);
    }
    Ok((hasher.finish() == *digest).then_some(bytes))
}

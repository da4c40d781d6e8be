//! Blobs: look up and read, from any byte on (distribution-spec "Pulling blobs"; RFC 9110 range requests).
//!
//! Decides when a blob is present and at which byte a read starts. Digests are verified by whoever reads the whole
//! blob. Invariant: a [`BlobRead`] starts exactly at the requested offset.

use bytes::Bytes;
use reqwest::{
    Method, Response,
    header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderValue, RANGE},
};
use url::Url;

use super::{Client, Error, ErrorCause, Operation, auth::Scopes, body_reader::BodyReader};
use crate::oci::{Digest, Registry, Repository};

/// A blob being read.
pub struct BlobRead {
    body: BodyReader,
    /// Bytes to drop first: a server without ranges sends them unrequested.
    surplus: u64,
    registry: Registry,
    url: Url,
}

/// Whether a repository has a blob of a known size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobPresence {
    Absent,
    /// With the expected size, or the registry does not send the size.
    Present,
    /// The registry has this many bytes under the digest, so it cannot be the blob.
    OtherLength(u64),
}

impl BlobPresence {
    fn of(length: Option<u64>, size: u64) -> Self {
        match length {
            Some(length) if length != size => Self::OtherLength(length),
            Some(_) | None => Self::Present,
        }
    }
}

impl Client {
    /// Whether the repository has the blob of `digest` and `size`. One HEAD. A 403 is an error; callers that write next
    /// ignore it (quirk 25, see registry/quirks.md).
    pub async fn blob_presence(
        &self,
        repository: &Repository,
        digest: &Digest,
        size: u64,
    ) -> Result<BlobPresence, Error> {
        let url = self.repository_url(repository, &format!("blobs/{digest}"));
        let scopes = Scopes::pull(repository);
        let request = self.request(Operation::HeadBlob, Method::HEAD, url, scopes);
        let response = match self.send(request).await {
            Ok(response) => response,
            Err(error) if error.is_not_found() => return Ok(BlobPresence::Absent),
            Err(error) => return Err(error),
        };
        Ok(BlobPresence::of(content_length(&response), size))
    }

    /// As [`blob_presence`](Self::blob_presence), but from the headers of a GET whose body is not read: some registries
    /// answer HEAD with a wrong length.
    pub async fn blob_presence_by_get(
        &self,
        repository: &Repository,
        digest: &Digest,
        size: u64,
    ) -> Result<BlobPresence, Error> {
        match self.open_blob(repository, digest, 0).await {
            Ok((response, _)) => Ok(BlobPresence::of(content_length(&response), size)),
            Err(error) if error.is_not_found() => Ok(BlobPresence::Absent),
            Err(error) => Err(error),
        }
    }

    /// Opens the blob at `offset`. If the server refuses the range or sends a wrong one, requests the whole blob and
    /// drops the bytes before `offset` (quirk 42).
    pub async fn read_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        offset: u64,
    ) -> Result<BlobRead, Error> {
        if offset > 0 {
            match self.open_blob(repository, digest, offset).await {
                Ok((response, start)) if start <= offset => {
                    return Ok(self.blob_read(response, offset - start));
                }
                Err(error) if error.status() != Some(416) => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        match self.open_blob(repository, digest, 0).await? {
            (response, 0) => Ok(self.blob_read(response, offset)),
            (response, start) => {
                let text = format!("it sends from byte {start} on when asked for all");
                Err(self.protocol(Operation::GetBlob, response.url(), text))
            }
        }
    }

    /// Requests the blob from `offset` on. Also returns the byte at which the answer starts.
    async fn open_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        offset: u64,
    ) -> Result<(Response, u64), Error> {
        // Always at the registry: the URL of an earlier redirect may be signed for a short time (quirk 33).
        let url = self.repository_url(repository, &format!("blobs/{digest}"));
        let scopes = Scopes::pull(repository);
        let mut request = self.request(Operation::GetBlob, Method::GET, url, scopes);
        let range = (offset > 0).then(|| HeaderValue::from_str(&format!("bytes={offset}-")));
        request
            .headers
            .extend(range.and_then(Result::ok).map(|range| (RANGE, range)));
        let response = self.send(request).await?;
        let start = match response.status().as_u16() {
            206 => response
                .headers()
                .get(CONTENT_RANGE)
                .and_then(|range| content_range_start(range.to_str().ok()?))
                // Unreadable: use no byte of it.
                .unwrap_or(u64::MAX),
            _ => 0,
        };
        Ok((response, start))
    }

    /// Deletes a blob from a repository. Many registries leave that to their garbage collection, and refuse.
    ///
    /// # Errors
    /// Also if the repository does not have it.
    pub async fn delete_blob(&self, repository: &Repository, digest: &Digest) -> Result<(), Error> {
        let url = self.repository_url(repository, &format!("blobs/{digest}"));
        let scopes = Scopes::delete(repository);
        let request = self.request(Operation::DeleteBlob, Method::DELETE, url, scopes);
        self.send(request).await.map(drop)
    }

    fn blob_read(&self, response: Response, surplus: u64) -> BlobRead {
        BlobRead {
            url: response.url().clone(),
            body: BodyReader::new(response, self.timeouts()),
            surplus,
            registry: self.registry().clone(),
        }
    }
}

impl BlobRead {
    /// The next bytes, or `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let chunk = self.body.next().await.map_err(|cause| self.error(cause))?;
            let Some(mut chunk) = chunk else {
                return Ok(None);
            };
            let skip = self.surplus.min(chunk.len() as u64);
            self.surplus -= skip;
            // Never more than the chunk's length, which is a usize.
            chunk = chunk.slice(usize::try_from(skip).unwrap_or(chunk.len())..);
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
        }
    }

    fn error(&self, cause: ErrorCause) -> Error {
        Error::new(Operation::GetBlob, &self.registry, Some(&self.url), cause)
    }
}

fn content_length(response: &Response) -> Option<u64> {
    let length = response.headers().get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// The first byte position of `bytes 5-9/10`.
pub(super) fn content_range_start(header: &str) -> Option<u64> {
    header
        .trim()
        .strip_prefix("bytes")?
        .trim_start()
        .split('-')
        .next()?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use std::{io, time::Duration};

    use futures_util::stream;
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::registry::Settings;

    #[tokio::test(start_paused = true)]
    async fn a_source_that_drips_is_given_up_after_a_minute() {
        let client = Client::new("r.example".parse().unwrap(), Settings::default());
        let drips = stream::repeat_with(|| Ok::<_, io::Error>(Bytes::from_static(&[0; 500])));
        let drips = stream::StreamExt::then(drips, async |drip| {
            sleep(Duration::from_secs(1)).await;
            drip
        });
        let body = reqwest::Body::wrap_stream(drips);
        let answer = Response::from(axum::http::Response::new(body));
        let mut read = client.unwrap().blob_read(answer, 0);
        let begun = Instant::now();
        let error = loop {
            if let Err(error) = read.next().await {
                break error;
            }
        };
        assert!(
            matches!(*error.cause, ErrorCause::TooSlow { .. }),
            "{error}"
        );
        assert_eq!(begun.elapsed().as_secs(), 60);
    }

    #[test]
    fn the_start_of_a_content_range_is_read() {
        assert_eq!(content_range_start("bytes 5-9/10"), Some(5));
        assert_eq!(content_range_start("bytes 0-9/*"), Some(0));
        assert_eq!(content_range_start("bytes */10"), None);
        assert_eq!(content_range_start("lines 5-9"), None);
    }
}

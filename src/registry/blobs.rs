//! Blobs: look up and read, from any byte on (distribution-spec "Pulling blobs"; RFC 9110 range requests).
//!
//! Decides where the bytes come from (redirects) and at which byte they start; verifying them is for who
//! reads the whole. Invariant: a [`BlobRead`] starts exactly at the offset asked for.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{
    Method, Response,
    header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderValue, LOCATION, RANGE},
};
use tokio::time::timeout;
use url::Url;

use super::{Client, Error, ErrorCause, Operation, auth::Scopes, client::Call, error::network};
use crate::oci::{Digest, Repository};

/// Registries redirect to storage, storage rarely on to another place.
const MOST_REDIRECTS: usize = 5;
/// A server that sends no byte for this long will not send any.
const LONGEST_SILENCE: Duration = Duration::from_secs(45);

/// A blob being read.
pub struct BlobRead {
    client: Arc<Client>,
    response: Response,
    url: Url,
    /// Bytes at the front that a server without ranges sends although they were not asked for.
    surplus: u64,
}

impl Client {
    /// The blob's length in bytes, or `None` if the repository has no such blob. A refused look-up is an
    /// error like any other (quirk 25 is the caller's to judge).
    pub async fn blob_head(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<u64>, Error> {
        let operation = Operation::HeadBlob;
        let url = self.repository_url(repository, &format!("blobs/{digest}"));
        let response = match self
            .follow(operation, Method::HEAD, url, repository, None)
            .await
        {
            Ok((response, _)) => response,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let length = response.headers().get(CONTENT_LENGTH);
        Ok(Some(
            length
                .and_then(|length| length.to_str().ok()?.parse().ok())
                .unwrap_or_default(),
        ))
    }

    /// Opens the blob at `offset`.
    pub async fn read_blob(
        self: &Arc<Self>,
        repository: &Repository,
        digest: &Digest,
        offset: u64,
    ) -> Result<BlobRead, Error> {
        let operation = Operation::GetBlob;
        let url = self.repository_url(repository, &format!("blobs/{digest}"));
        let range = (offset > 0).then(|| format!("bytes={offset}-"));
        let range = range.and_then(|range| HeaderValue::from_str(&range).ok());
        let (response, url) = self
            .follow(operation, Method::GET, url, repository, range)
            .await?;
        let start = match response.status().as_u16() {
            206 => {
                let header = response.headers().get(CONTENT_RANGE);
                header
                    .and_then(|range| content_range_start(range.to_str().ok()?))
                    .ok_or_else(|| {
                        self.protocol(operation, &url, "206 without a readable Content-Range")
                    })?
            }
            _ => 0,
        };
        let surplus = offset.checked_sub(start).ok_or_else(|| {
            let text = format!("asked for bytes from {offset} on, it sends from {start} on");
            self.protocol(operation, &url, text)
        })?;
        Ok(BlobRead {
            client: Arc::clone(self),
            response,
            url,
            surplus,
        })
    }

    /// Sends a blob request and follows redirects; storage never sees the registry's credentials.
    async fn follow(
        &self,
        operation: Operation,
        method: Method,
        mut url: Url,
        repository: &Repository,
        range: Option<HeaderValue>,
    ) -> Result<(Response, Url), Error> {
        for _ in 0..=MOST_REDIRECTS {
            let mut call = Call::new(
                operation,
                method.clone(),
                url.clone(),
                Scopes::pull(repository),
            );
            if let Some(range) = &range {
                call = call.header(RANGE, range.clone());
            }
            let response = self.send(call).await?;
            if !response.status().is_redirection() {
                return Ok((response, url));
            }
            url = self.resolve(operation, &url, response.headers().get(LOCATION))?;
        }
        Err(self.protocol(operation, &url, "it redirects in circles"))
    }
}

impl BlobRead {
    /// The next bytes, or `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let chunk = match timeout(LONGEST_SILENCE, self.response.chunk()).await {
                Ok(chunk) => chunk.map_err(|error| self.error(network(error)))?,
                Err(_) => return Err(self.error(ErrorCause::Stalled(LONGEST_SILENCE))),
            };
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
        self.client
            .error(Operation::GetBlob, Some(&self.url), cause)
    }
}

/// The first byte position of `bytes 5-9/10`.
fn content_range_start(header: &str) -> Option<u64> {
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
    use super::*;

    #[test]
    fn the_start_of_a_content_range_is_read() {
        assert_eq!(content_range_start("bytes 5-9/10"), Some(5));
        assert_eq!(content_range_start("bytes 0-9/*"), Some(0));
        assert_eq!(content_range_start("bytes */10"), None);
        assert_eq!(content_range_start("lines 5-9"), None);
    }
}

//! Upload sessions: begin (or mount), send, ask, cancel (distribution-spec "Pushing blobs", "Mounting a
//! blob from another repository", "Resuming").
//!
//! Decides the requests of an upload; the caller decides which bytes to send and whether to resume. Invariant: a
//! session's URL is used exactly as the registry sent it, with `digest` appended.

use std::{ops::Range, time::Duration};

use reqwest::{
    Method, Response,
    header::{CONTENT_LENGTH, HeaderValue, RANGE},
};
use url::Url;

use bytes::Bytes;
use tokio::time::{error::Elapsed, timeout};

use super::{
    BlobPresence, Client, Error, ErrorCause, FailureClass, Operation, UploadSession, auth::Scopes,
};
use crate::oci::{Digest, Repository};

/// The outcome of a mount request.
#[derive(Debug)]
pub enum UploadStart {
    /// The blob is in the repository.
    Mounted,
    /// It was not mounted; the session is open.
    Session(UploadSession),
}

impl Client {
    /// Opens an upload.
    pub async fn begin_upload(&self, repository: &Repository) -> Result<UploadSession, Error> {
        let url = self.repository_url(repository, "blobs/uploads/");
        let (scopes, time) = (Scopes::push(repository), self.timeouts().answer);
        let response = self.post_upload(url.clone(), scopes, time).await?;
        self.opened(&url, repository, &response)
    }

    /// Mounts a blob from another repository. A registry that cannot mount it answers with an open session (202). If it
    /// refuses the request, a session is opened without mounting (quirks 15 and 20).
    pub async fn mount_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        size: u64,
        from: &Repository,
    ) -> Result<UploadStart, Error> {
        let mut url = self.repository_url(repository, "blobs/uploads/");
        url.set_query(Some(&format!("mount={digest}&from={from}")));
        let scopes = Scopes::push(repository).and_pull(from);
        // Some registries copy the blob within their storage.
        let time = self.commit_time(size);
        match self.post_upload(url.clone(), scopes, time).await {
            Ok(response) if response.status().as_u16() == 201 => Ok(UploadStart::Mounted),
            Ok(response) => self
                .opened(&url, repository, &response)
                .map(UploadStart::Session),
            Err(error) if matches!(error.class(), FailureClass::Transient { .. }) => Err(error),
            Err(_) => self
                .begin_upload(repository)
                .await
                .map(UploadStart::Session),
        }
    }

    /// The session that a POST opened. Only 200 to 202 with a Location opens one (quirk 48).
    fn opened(
        &self,
        url: &Url,
        repository: &Repository,
        response: &Response,
    ) -> Result<UploadSession, Error> {
        let operation = Operation::BeginUpload;
        let fresh = UploadSession {
            repository: repository.clone(),
            url: url.clone(),
            cookie: None,
            chunk_minimum: 0,
        };
        match response.status().as_u16() {
            200..=202 => fresh.updated(self, operation, response),
            status => Err(self.protocol(operation, url, format!("{status} instead of 202"))),
        }
    }

    async fn post_upload(
        &self,
        url: Url,
        scopes: Scopes,
        time: Duration,
    ) -> Result<Response, Error> {
        let request = self
            .request(Operation::BeginUpload, Method::POST, url, scopes)
            .header(CONTENT_LENGTH, HeaderValue::from_static("0"))
            .answer_within(time);
        self.send(request).await
    }

    /// How long a registry may take to store a blob of `size` bytes that it has received.
    fn commit_time(&self, size: u64) -> Duration {
        let timeouts = self.timeouts();
        timeouts.answer_to(size).max(timeouts.answer)
    }

    /// Sends the bytes of `digest` from `offset` up to `size`, which `body` holds, and commits. A commit without bytes
    /// has a deadline that depends on `size`; a body has none, because whoever streams watches for stalls.
    pub async fn send_blob(
        &self,
        session: &UploadSession,
        digest: &Digest,
        offset: u64,
        size: u64,
        body: reqwest::Body,
    ) -> Result<(), Error> {
        let url = with_digest(&session.url, digest);
        let ranged = offset > 0;
        let request = session
            .send_request(self, Method::PUT, url.clone(), offset..size, ranged, body)
            .answer_within(self.commit_time(size));
        let response = self.send(request).await?;
        match response.status().as_u16() {
            201 => Ok(()),
            // A proxy that stores nothing may answer so, so look the blob up (quirk 48).
            status @ 200..=299 => {
                let repository = &session.repository;
                match self.blob_presence(repository, digest, size).await? {
                    BlobPresence::Present => Ok(()),
                    BlobPresence::Absent | BlobPresence::OtherLength(_) => {
                        let text =
                            format!("{status} to a finished upload, and the blob is not there");
                        Err(self.protocol(Operation::SendBlob, &url, text))
                    }
                }
            }
            status => {
                let text = format!("{status} instead of 201 to a finished upload");
                Err(self.protocol(Operation::SendBlob, &url, text))
            }
        }
    }

    /// Uploads a blob that is in memory.
    ///
    /// # Errors
    /// Also if the answer takes too long.
    pub async fn put_small_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        content: Bytes,
    ) -> Result<(), Error> {
        let _stream = self.limiter().stream().await;
        let session = self.begin_upload(repository).await?;
        let size = content.len() as u64;
        let deadline = self.timeouts().answer;
        let sent = self.send_blob(&session, digest, 0, size, content.into());
        let sent = timeout(deadline, sent).await;
        sent.unwrap_or_else(|_: Elapsed| {
            Err(self.stalled_upload(&session, ErrorCause::Stalled(deadline)))
        })
    }

    /// Sends the bytes of `span` and returns the session to continue with. `ranged` adds `Content-Range`, which a body
    /// that is the whole blob goes without (quirk 14).
    pub async fn send_chunk(
        &self,
        session: &UploadSession,
        span: Range<u64>,
        ranged: bool,
        body: reqwest::Body,
    ) -> Result<UploadSession, Error> {
        let operation = Operation::SendBlob;
        let url = session.url.clone();
        let request = session.send_request(self, Method::PATCH, url.clone(), span, ranged, body);
        let response = self.send(request).await?;
        // The Range of the answer is ignored: some registries send an old one (quirk 4).
        match response.status().as_u16() {
            200..=202 | 204 => session.updated(self, operation, &response),
            status => {
                let text = format!("{status} instead of 202 to a part of an upload");
                Err(self.protocol(operation, &url, text))
            }
        }
    }

    /// How many bytes of the upload the registry has, and the session to continue with. `None` if the session is gone.
    pub async fn ask_upload(
        &self,
        session: &UploadSession,
    ) -> Result<Option<(u64, UploadSession)>, Error> {
        let operation = Operation::AskUpload;
        let scopes = Scopes::push(&session.repository);
        let request = self.request(operation, Method::GET, session.url.clone(), scopes);
        let response = match self.send(session.with_cookie(request)).await {
            Ok(response) => response,
            Err(error) => match error.class() {
                FailureClass::Transient { .. } | FailureClass::Auth => return Err(error),
                FailureClass::NotFound
                | FailureClass::Rejected
                | FailureClass::Corrupt
                | FailureClass::Internal => {
                    return Ok(None);
                }
            },
        };
        let received = match response.headers().get(RANGE) {
            None => 0,
            Some(range) => range
                .to_str()
                .ok()
                .and_then(received_bytes)
                .ok_or_else(|| self.protocol(operation, &session.url, "an unreadable Range"))?,
        };
        let session = session.updated(self, operation, &response)?;
        Ok(Some((received, session)))
    }

    /// Cancels a session, so that the registry does not keep its bytes.
    pub async fn cancel_upload(&self, session: &UploadSession) -> Result<(), Error> {
        let scopes = Scopes::push(&session.repository);
        let (operation, url) = (Operation::CancelUpload, session.url.clone());
        let request = self.request(operation, Method::DELETE, url, scopes);
        self.send(session.with_cookie(request)).await.map(drop)
    }

    /// The error of an upload that `cause` stopped on this side: the registry takes no bytes, or too few.
    #[must_use]
    pub fn stalled_upload(&self, session: &UploadSession, cause: ErrorCause) -> Error {
        self.error(Operation::SendBlob, Some(&session.url), cause)
    }
}

/// The session's URL with the digest appended. Its own query is opaque state (quirk 31).
fn with_digest(session: &Url, digest: &Digest) -> Url {
    let mut url = session.clone();
    match session.query().filter(|query| !query.is_empty()) {
        Some(state) => url.set_query(Some(&format!("{state}&digest={digest}"))),
        None => url.set_query(Some(&format!("digest={digest}"))),
    }
    url
}

/// Bytes received according to `0-N` or `bytes=0-N`. `0-0` is read as none, because some registries send it for an
/// empty upload; at worst one byte is sent again.
pub(super) fn received_bytes(range: &str) -> Option<u64> {
    let last = range.trim().trim_start_matches("bytes=").split_once('-')?.1;
    match last.trim().parse::<u64>().ok()? {
        0 => Some(0),
        last => last.checked_add(1),
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use tokio::net::TcpListener;

    use super::*;
    use crate::registry::Settings;

    #[test]
    fn the_opaque_state_of_a_session_is_kept_byte_exact() {
        let session = "http://r/v2/a/blobs/uploads/1?_state=x%2F%3D==&b=+"
            .parse()
            .unwrap();
        let url = with_digest(&session, &Digest::of(b""));
        let digest = Digest::of(b"");
        assert_eq!(
            url.as_str(),
            format!("http://r/v2/a/blobs/uploads/1?_state=x%2F%3D==&b=+&digest={digest}")
        );
    }

    #[test]
    fn the_range_of_a_session_says_how_many_bytes_arrived() {
        assert_eq!(received_bytes("0-9"), Some(10));
        assert_eq!(received_bytes("bytes=0-9"), Some(10));
        assert_eq!(received_bytes("0-0"), Some(0));
        assert_eq!(received_bytes("x"), None);
        assert_eq!(received_bytes(&format!("0-{}", u64::MAX)), None);
    }

    /// A registry that answers a commit after `delay`, and everything else at once.
    async fn slow_to_commit(delay: Duration) -> Client {
        let app = Router::new().fallback(move |method: axum::http::Method| async move {
            if method == axum::http::Method::PUT {
                tokio::time::sleep(delay).await;
            }
            axum::http::StatusCode::CREATED
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(axum::serve(listener, app).into_future());
        Client::new(address.parse().unwrap(), Settings::default()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_commit_without_bytes_has_the_time_that_the_size_of_the_blob_allows() {
        for (size, seconds, done) in [
            (1 << 30, 800, true),
            (1 << 30, 1000, false),
            // Never less than any other answer.
            (1, 80, true),
            (1, 100, false),
        ] {
            let client = slow_to_commit(Duration::from_secs(seconds)).await;
            let session = UploadSession {
                repository: "a".parse().unwrap(),
                url: client.url("a/blobs/uploads/1"),
                cookie: None,
                chunk_minimum: 0,
            };
            let (digest, nothing) = (Digest::of(b""), reqwest::Body::default());
            let sent = client.send_blob(&session, &digest, size, size, nothing);
            assert_eq!(sent.await.is_ok(), done, "{size} bytes, {seconds} s");
        }
    }
}

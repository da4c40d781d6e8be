//! Upload sessions: begin (or mount), send, ask, cancel (distribution-spec "Pushing blobs", "Mounting a
//! blob from another repository", "Resuming").
//!
//! Decides how a blob's bytes are put; which bytes and whether to go on after a cut is the caller's.
//! Invariant: a session's URL is used exactly as the registry gave it, `digest` appended.

use reqwest::{
    Method, Response,
    header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, LOCATION, RANGE},
};
use url::Url;

use super::{
    Class, Client, Error, ErrorCause, Operation,
    auth::Scopes,
    client::{Call, CallBody},
};
use crate::oci::{Digest, Repository};

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// An open upload at a registry.
#[derive(Clone, Debug)]
pub struct UploadSession {
    repository: Repository,
    url: Url,
}

/// What beginning an upload led to.
#[derive(Debug)]
pub enum Begun {
    /// The blob is in the repository; nothing is to be sent.
    Mounted,
    Session(UploadSession),
}

impl Client {
    /// Opens an upload.
    pub async fn begin_upload(&self, repository: &Repository) -> Result<UploadSession, Error> {
        let operation = Operation::BeginUpload;
        let url = self.repository_url(repository, "blobs/uploads/");
        let response = self
            .post_upload(url.clone(), Scopes::push(repository))
            .await?;
        match response.status().as_u16() {
            200..=202 => self.session(operation, &url, repository, &response),
            status => Err(self.protocol(operation, &url, format!("{status} instead of 202"))),
        }
    }

    /// Asks to mount a blob from another repository. A registry that cannot answers with an open upload
    /// (202); one that fails on it is asked for one without mounting (quirks 15 and 20).
    pub async fn mount_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        from: &Repository,
    ) -> Result<Begun, Error> {
        let operation = Operation::BeginUpload;
        let mut url = self.repository_url(repository, "blobs/uploads/");
        url.set_query(Some(&format!("mount={digest}&from={from}")));
        let scopes = Scopes::push(repository).and_pull(from);
        match self.post_upload(url.clone(), scopes).await {
            Ok(response) if response.status().as_u16() == 201 => Ok(Begun::Mounted),
            Ok(response) => self
                .session(operation, &url, repository, &response)
                .map(Begun::Session),
            Err(error) if matches!(error.class(), Class::Transient { .. }) => Err(error),
            Err(_) => self.begin_upload(repository).await.map(Begun::Session),
        }
    }

    async fn post_upload(&self, url: Url, scopes: Scopes) -> Result<Response, Error> {
        let call = Call::new(Operation::BeginUpload, Method::POST, url, scopes)
            .header(CONTENT_LENGTH, HeaderValue::from_static("0"));
        self.send(call).await
    }

    /// Sends the bytes of `digest` from `offset` up to `size` and commits. `body` has exactly those.
    pub async fn send_blob(
        &self,
        session: &UploadSession,
        digest: &Digest,
        offset: u64,
        size: u64,
        body: reqwest::Body,
    ) -> Result<(), Error> {
        let operation = Operation::SendBlob;
        let url = with_digest(&session.url, digest);
        let length = size - offset;
        let mut call = Call::new(
            operation,
            Method::PUT,
            url.clone(),
            Scopes::push(&session.repository),
        )
        .header(CONTENT_TYPE, OCTETS)
        .header(CONTENT_LENGTH, HeaderValue::from(length));
        if offset > 0 && length > 0 {
            let range = HeaderValue::from_str(&format!("{offset}-{}", size - 1));
            call.headers
                .extend(range.ok().map(|range| (CONTENT_RANGE, range)));
        }
        let body = if length == 0 {
            CallBody::Empty
        } else {
            CallBody::Stream(body)
        };
        let response = self.send(call.body(body)).await?;
        match response.status().as_u16() {
            200 | 201 | 204 => Ok(()),
            status => {
                let text = format!("{status} instead of 201 to a finished upload");
                Err(self.protocol(operation, &url, text))
            }
        }
    }

    /// How many bytes of the upload the registry has, and the session to go on with; `None` if it
    /// knows the session no more.
    pub async fn ask_upload(
        &self,
        session: &UploadSession,
    ) -> Result<Option<(u64, UploadSession)>, Error> {
        let operation = Operation::AskUpload;
        let scopes = Scopes::push(&session.repository);
        let call = Call::new(operation, Method::GET, session.url.clone(), scopes);
        let response = match self.send(call).await {
            Ok(response) => response,
            Err(error) => match error.class() {
                Class::Transient { .. } | Class::Auth => return Err(error),
                Class::NotFound | Class::Rejected | Class::Corrupt | Class::Internal => {
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
        let session = match response.headers().contains_key(LOCATION) {
            true => self.session(operation, &session.url, &session.repository, &response)?,
            false => session.clone(),
        };
        Ok(Some((received, session)))
    }

    /// Ends a session that will not be used, so that the registry need not keep its bytes.
    pub async fn cancel_upload(&self, session: &UploadSession) -> Result<(), Error> {
        let scopes = Scopes::push(&session.repository);
        let call = Call::new(
            Operation::CancelUpload,
            Method::DELETE,
            session.url.clone(),
            scopes,
        );
        self.send(call).await.map(|_| ())
    }

    fn session(
        &self,
        operation: Operation,
        asked: &Url,
        repository: &Repository,
        response: &Response,
    ) -> Result<UploadSession, Error> {
        let url = self.resolve(operation, asked, response.headers().get(LOCATION))?;
        Ok(UploadSession {
            repository: repository.clone(),
            url,
        })
    }

    /// The failure of a destination that takes no more bytes.
    #[must_use]
    pub fn stalled_upload(&self, session: &UploadSession, silence: std::time::Duration) -> Error {
        self.error(
            Operation::SendBlob,
            Some(&session.url),
            ErrorCause::Stalled(silence),
        )
    }
}

/// The session's URL with the digest appended; its own query is opaque state (quirk 31).
fn with_digest(session: &Url, digest: &Digest) -> Url {
    let mut url = session.clone();
    match session.query().filter(|query| !query.is_empty()) {
        Some(state) => url.set_query(Some(&format!("{state}&digest={digest}"))),
        None => url.set_query(Some(&format!("digest={digest}"))),
    }
    url
}

/// Bytes received according to `0-N` or `bytes=0-N`. Some registries answer `0-0` to an upload without
/// a byte; one byte sent again is the price of not knowing.
fn received_bytes(range: &str) -> Option<u64> {
    let last = range.trim().trim_start_matches("bytes=").split_once('-')?.1;
    match last.trim().parse::<u64>().ok()? {
        0 => Some(0),
        last => last.checked_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}

//! An open upload: its URL, and what a request to it has to carry.
//!
//! Decides how a session changes with each answer. Invariants: the URL is used exactly as the registry sent it. Cookies
//! go back only to the host that set them.

use std::ops::Range;

use reqwest::{
    Method, Response,
    header::{
        CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, COOKIE, HeaderName, HeaderValue, LOCATION,
        SET_COOKIE,
    },
};
use url::Url;

use super::{
    Client, Error, Operation,
    auth::Scopes,
    chain::{Request, RequestBody},
};
use crate::oci::Repository;

const CHUNK_MINIMUM: HeaderName = HeaderName::from_static("oci-chunk-min-length");
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// An open upload at a registry.
#[derive(Clone, Debug)]
pub struct UploadSession {
    pub(super) repository: Repository,
    pub(super) url: Url,
    /// Routes to the replica that has the session (quirk 32, see registry/quirks.md).
    pub(super) cookie: Option<HeaderValue>,
    /// Minimum bytes of a chunk that is not the last (`OCI-Chunk-Min-Length`).
    pub(super) chunk_minimum: u64,
}

impl UploadSession {
    /// Minimum bytes of a chunk that is not the last.
    #[must_use]
    pub fn chunk_minimum(&self) -> u64 {
        self.chunk_minimum
    }

    /// The request that sends the bytes of `span`.
    pub(super) fn send_request(
        &self,
        client: &Client,
        method: Method,
        url: Url,
        span: Range<u64>,
        ranged: bool,
        body: reqwest::Body,
    ) -> Request {
        let scopes = Scopes::push(&self.repository);
        let length = span.end - span.start;
        // Some registries refuse a body of unknown length (quirk 10).
        let mut request = client
            .request(Operation::SendBlob, method, url, scopes)
            .header(CONTENT_TYPE, OCTETS)
            .header(CONTENT_LENGTH, HeaderValue::from(length));
        if ranged && length > 0 {
            let range = HeaderValue::from_str(&format!("{}-{}", span.start, span.end - 1));
            request
                .headers
                .extend(range.ok().map(|range| (CONTENT_RANGE, range)));
        }
        self.with_cookie(request.body(match length {
            0 => RequestBody::Empty,
            _ => RequestBody::Stream(body),
        }))
    }

    pub(super) fn with_cookie(&self, request: Request) -> Request {
        match &self.cookie {
            Some(cookie) => request.header(COOKIE, cookie.clone()),
            None => request,
        }
    }

    /// The session after an answer, which may change its URL, cookie and minimum.
    pub(super) fn updated(
        &self,
        client: &Client,
        operation: Operation,
        response: &Response,
    ) -> Result<Self, Error> {
        let headers = response.headers();
        let url = match headers.get(LOCATION) {
            None if operation != Operation::BeginUpload => self.url.clone(),
            location => client.resolve(operation, &self.url, location)?,
        };
        let set: Vec<_> = headers
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(cookie_pair)
            .collect();
        let cookie = match (url.origin() == self.url.origin(), set.is_empty()) {
            (false, _) => None,
            (true, true) => self.cookie.clone(),
            (true, false) => HeaderValue::from_str(&set.join("; ")).ok(),
        };
        let minimum = headers
            .get(CHUNK_MINIMUM)
            .and_then(|minimum| minimum.to_str().ok()?.trim().parse().ok());
        Ok(Self {
            repository: self.repository.clone(),
            url,
            cookie,
            chunk_minimum: minimum.unwrap_or(self.chunk_minimum),
        })
    }
}

/// Name and value of a cookie, without its attributes.
fn cookie_pair(set: &HeaderValue) -> Option<&str> {
    set.to_str().ok()?.split(';').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Settings;

    #[test]
    fn quirk_32_a_sessions_cookies_come_back_to_its_own_host_only() {
        let client = Client::new("r.example".parse().unwrap(), Settings::default()).unwrap();
        let session = UploadSession {
            repository: "a".parse().unwrap(),
            url: "https://r.example/v2/a/blobs/uploads/1".parse().unwrap(),
            cookie: None,
            chunk_minimum: 0,
        };
        let answer = |location: &str, cookies: &[&str]| {
            let mut answer = axum::http::Response::builder().header(LOCATION, location);
            for cookie in cookies {
                answer = answer.header(SET_COOKIE, *cookie);
            }
            Response::from(answer.body("").unwrap())
        };
        let follow = |session: &UploadSession, answer| {
            session
                .updated(&client, Operation::SendBlob, &answer)
                .unwrap()
        };
        let set = follow(&session, answer("2", &["a=1; Path=/; Secure", "b=2"]));
        assert_eq!(set.cookie.as_ref().unwrap(), "a=1; b=2");
        let unchanged = follow(&set, answer("3", &[]));
        assert_eq!(unchanged.cookie, set.cookie);
        let other_host = follow(&set, answer("https://s3.example/x", &["c=3"]));
        assert_eq!(other_host.cookie, None);
    }
}

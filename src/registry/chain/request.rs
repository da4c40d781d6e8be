//! A request as the resource files build it.
//!
//! Decides which bodies can be sent again. Invariant: a streamed body is sent once.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    Method,
    header::{COOKIE, HeaderName, HeaderValue},
};
use url::Url;

use crate::{
    oci::Registry,
    registry::{
        auth::Scopes,
        error::{Error, ErrorCause},
        operation::Operation,
        secrets::Secrets,
    },
};

pub(in crate::registry) struct Request {
    /// The registry that the request belongs to, also when another host is asked.
    pub registry: Registry,
    pub operation: Operation,
    pub method: Method,
    pub url: Url,
    pub scopes: Scopes,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: RequestBody,
    /// Deadline of the answer if it is not the usual one. Not for streamed bodies.
    pub answer_within: Option<Duration>,
}

pub(in crate::registry) enum RequestBody {
    Empty,
    Bytes(Bytes),
    /// Whoever streams watches for stalls, so the answer has no deadline.
    Stream(reqwest::Body),
    /// A stream that was sent.
    Consumed,
}

impl RequestBody {
    pub(super) fn can_be_sent_again(&self) -> bool {
        match self {
            Self::Empty | Self::Bytes(_) => true,
            Self::Stream(_) | Self::Consumed => false,
        }
    }

    /// The body to send. A stream is taken out.
    pub(super) fn take(&mut self) -> Self {
        match self {
            Self::Empty => Self::Empty,
            Self::Bytes(bytes) => Self::Bytes(bytes.clone()),
            Self::Stream(_) | Self::Consumed => std::mem::replace(self, Self::Consumed),
        }
    }
}

impl Request {
    pub(in crate::registry) fn new(
        registry: &Registry,
        operation: Operation,
        method: Method,
        url: Url,
        scopes: Scopes,
    ) -> Self {
        Self {
            registry: registry.clone(),
            operation,
            method,
            url,
            scopes,
            headers: Vec::new(),
            body: RequestBody::Empty,
            answer_within: None,
        }
    }

    pub(in crate::registry) fn answer_within(self, time: Duration) -> Self {
        Self {
            answer_within: Some(time),
            ..self
        }
    }

    pub(in crate::registry) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(in crate::registry) fn body(self, body: RequestBody) -> Self {
        Self { body, ..self }
    }

    /// Whether it only reads, so that a redirect is followed.
    pub(super) fn is_read(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }

    pub(super) fn error(&self, cause: ErrorCause) -> Error {
        Error::new(self.operation, &self.registry, Some(&self.url), cause)
    }

    /// What to mask in the answer.
    pub(super) fn secrets(&self, authorization: Option<&HeaderValue>) -> Secrets {
        let cookies = self.headers.iter().filter(|(name, _)| *name == COOKIE);
        cookies.fold(Secrets::of(&self.url, authorization), |secrets, cookie| {
            secrets.and_cookies(&cookie.1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_sent_once_and_other_bodies_any_number_of_times() {
        let mut bytes = RequestBody::Bytes(Bytes::from_static(b"manifest"));
        for _ in 0..2 {
            assert!(bytes.can_be_sent_again());
            assert!(matches!(bytes.take(), RequestBody::Bytes(sent) if sent == "manifest"));
        }
        let mut stream = RequestBody::Stream("blob".into());
        assert!(!stream.can_be_sent_again());
        assert!(matches!(stream.take(), RequestBody::Stream(_)));
        assert!(matches!(stream.take(), RequestBody::Consumed));
    }
}

//! The stage that sends a request on a connection.
//!
//! Decides the headers that every request has, the deadline of the answer, and what a failed connection means for the
//! circuit breaker. Invariant: a request that cannot be answered in time is no success of its [`Pass`].

use std::{sync::Arc, time::Duration};

use reqwest::{
    Response, StatusCode,
    header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderValue},
};
use tokio::time::Instant;

use super::request::{Request, RequestBody};
use crate::registry::{
    circuit_breaker::Pass,
    connection::{is_broken, network},
    error::Error,
    http_clients::HttpClients,
    limiter::RegistryLimiter,
    single_flight::SingleFlight,
    throttling::Throttling,
    timeouts::Timeouts,
    tls,
};

/// Set once the registry answered at `/v2/`.
pub(super) type Reached = SingleFlight<(), Error>;

pub(super) struct Sender {
    pub http: HttpClients,
    pub limiter: Arc<RegistryLimiter>,
    pub timeouts: Timeouts,
    pub reached: Arc<Reached>,
}

/// An answer with any status, and the header its request was sent with.
pub(in crate::registry) struct Answer {
    pub response: Response,
    pub authorization: Option<HeaderValue>,
    /// The time until the answer came; absent if the answer waited for a streamed body.
    pub elapsed: Option<Duration>,
}

/// Why there is no answer.
pub(super) enum SendError {
    /// The connection broke before the answer. Another connection may work.
    Broken(Error),
    Failed(Error),
}

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }
}

impl SendError {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Broken(error) | Self::Failed(error) => error,
        }
    }
}

impl Sender {
    pub(super) async fn send(
        &self,
        request: &mut Request,
        authorization: Option<HeaderValue>,
        pass: Pass,
    ) -> Result<Answer, SendError> {
        let mut headers: HeaderMap = request.headers.iter().cloned().collect();
        // Sizes and digests are of the stored bytes (quirk 29, see registry/quirks.md).
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(authorization) = &authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let builder = self
            .http
            .to(&request.url)
            .request(request.method.clone(), request.url.clone())
            .headers(headers);
        let (builder, deadline) = match request.body.take() {
            RequestBody::Empty | RequestBody::Consumed => (builder, self.deadline(request)),
            RequestBody::Bytes(bytes) => (builder.body(bytes), self.deadline(request)),
            RequestBody::Stream(stream) => (builder.body(stream), None),
        };
        let sent = Instant::now();
        let answer = match deadline {
            None => builder.send().await,
            Some(deadline) => match tokio::time::timeout(deadline, builder.send()).await {
                Ok(answer) => answer,
                Err(_) => {
                    self.limiter.counter.unanswered(&request.method);
                    let (operation, strain) = (request.operation, Throttling::Strain);
                    self.limiter.answered(operation, None, strain, None);
                    let cause = pass.unanswered(deadline);
                    return Err(SendError::Failed(request.error(cause)));
                }
            },
        };
        match answer {
            Ok(response) => {
                pass.answered();
                let elapsed = deadline.map(|_| sent.elapsed());
                let (method, status) = (&request.method, response.status());
                self.limiter.counter.answered(method, status, elapsed);
                Ok(Answer {
                    response,
                    authorization,
                    elapsed,
                })
            }
            Err(failure) => {
                self.limiter.counter.unanswered(&request.method);
                Err(self.failed(request, failure, pass))
            }
        }
    }

    fn deadline(&self, request: &Request) -> Option<Duration> {
        Some(request.answer_within.unwrap_or(self.timeouts.answer))
    }

    fn failed(&self, request: &Request, failure: reqwest::Error, pass: Pass) -> SendError {
        match is_broken(&failure) {
            true if self.reached.get().is_some() => {
                SendError::Broken(request.error(network(failure)))
            }
            true => SendError::Broken(request.error(tls::unreached(failure))),
            false => {
                let cause = pass.connect_failed(tls::unreached(failure));
                SendError::Failed(request.error(cause))
            }
        }
    }
}

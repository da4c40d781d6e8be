//! How one request is sent and what its answer means.
//!
//! Decides headers, the deadline of an answer and what the limiter learns of it; who it is sent as is `exchange`.
//! Invariant: a request is sent when its limiter lets it, and what is refused becomes an [`Error`].

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    Method, Response,
    header::{ACCEPT_ENCODING, AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue},
};
use tokio::time::Instant;
use url::Url;

use super::{
    Client,
    auth::{Authorizer, Scopes},
    circuit_breaker::Pass,
    connection::{is_broken, network},
    error::{Error, ErrorCause, Operation, read_error_body},
    limiter::Unavailable,
    secrets::Secrets,
    throttling::{Throttling, retry_after},
    tls,
};
use crate::batch::Budget;

/// One request to the registry.
pub(super) struct Request {
    pub operation: Operation,
    pub method: Method,
    pub url: Url,
    pub scopes: Scopes,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: RequestBody,
    /// How long the answer may take where that is not the usual time; has no say over a streamed body.
    pub answer_within: Option<Duration>,
}

pub(super) enum RequestBody {
    Empty,
    Bytes(Bytes),
    /// Sent once; whoever streams watches for stalls, so there is no deadline.
    Stream(reqwest::Body),
}

/// As much of an error body as is read.
const ERROR_BODY_LIMIT: usize = 64 * 1024;

/// How long the registry took to answer; not known where it waited for a body.
#[derive(Clone, Copy)]
struct AnsweredAfter(Duration);

/// An answer, and what the request identified itself with.
pub(super) struct Exchanged {
    pub response: Response,
    pub authorization: Option<HeaderValue>,
}

/// Why there is no answer at all.
enum Untransmitted {
    /// The connection broke; another one may not.
    Broken(Error),
    Failed(Error),
}

impl RequestBody {
    /// The same body once more, where it can be had.
    pub(super) fn replay(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
            Self::Stream(_) => None,
        }
    }
}

impl Request {
    pub(super) fn new(operation: Operation, method: Method, url: Url, scopes: Scopes) -> Self {
        Self {
            operation,
            method,
            url,
            scopes,
            headers: Vec::new(),
            body: RequestBody::Empty,
            answer_within: None,
        }
    }

    pub(super) fn answer_within(self, time: Duration) -> Self {
        Self {
            answer_within: Some(time),
            ..self
        }
    }

    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn body(self, body: RequestBody) -> Self {
        Self { body, ..self }
    }

    /// What must not be shown of the answer.
    fn secrets(&self, authorization: Option<&HeaderValue>) -> Secrets {
        let cookies = self.headers.iter().filter(|(name, _)| *name == COOKIE);
        cookies.fold(Secrets::of(&self.url, authorization), |secrets, cookie| {
            secrets.and_cookies(&cookie.1)
        })
    }
}

impl Client {
    /// Sends the request, as whom `auth` says, once more if the connection broke before anything was
    /// answered: kept open too long, or led to a server that speaks another protocol (quirk 19).
    pub(super) async fn send_once(
        &self,
        call: &Request,
        body: RequestBody,
        auth: Option<&Authorizer>,
    ) -> Result<Exchanged, Error> {
        let replay = body.replay();
        let transmitted = match (self.try_transmit(call, body, auth).await, replay) {
            (Err(Untransmitted::Broken(_)), Some(body)) => {
                self.try_transmit(call, body, auth).await
            }
            (transmitted, _) => transmitted,
        };
        transmitted.map_err(|(Untransmitted::Broken(error) | Untransmitted::Failed(error))| error)
    }

    async fn try_transmit(
        &self,
        call: &Request,
        body: RequestBody,
        auth: Option<&Authorizer>,
    ) -> Result<Exchanged, Untransmitted> {
        let error = |cause| self.error(call.operation, Some(&call.url), cause);
        let closed = |closed: Unavailable| Untransmitted::Failed(error(closed.into()));
        let own = self.is_own(&call.url);
        let pass = match own {
            true => self.limiter().enter(call.operation).await,
            false => {
                let breaker = self.redirect_host_auth(&call.url).breaker;
                self.limiter().enter_to(&breaker, call.operation).await
            }
        };
        let pass = pass.map_err(closed)?;
        // Not before: what was good when the request began to wait may have expired meanwhile.
        let authorization = match auth {
            Some(auth) => self
                .authorization(auth, call)
                .await
                .map_err(Untransmitted::Failed)?,
            None => None,
        };
        let mut headers: HeaderMap = call.headers.iter().cloned().collect();
        // Sizes and digests are of the stored bytes (quirk 29).
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(authorization) = &authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let request = self
            .http
            .to(&call.url)
            .request(call.method.clone(), call.url.clone())
            .headers(headers);
        let fail = |failure, pass| match is_broken(&failure) {
            true if self.reached.get().is_some() => Untransmitted::Broken(error(network(failure))),
            true => Untransmitted::Broken(error(tls::unreached(failure))),
            false => Untransmitted::Failed(error(connect_failed(tls::unreached(failure), pass))),
        };
        let answer = match body {
            RequestBody::Stream(stream) => {
                return match request.body(stream).send().await {
                    Ok(response) => {
                        pass.answered();
                        Ok(Exchanged {
                            response,
                            authorization,
                        })
                    }
                    Err(failure) => Err(fail(failure, pass)),
                };
            }
            RequestBody::Empty => request.send(),
            RequestBody::Bytes(bytes) => request.body(bytes).send(),
        };
        let sent = Instant::now();
        let deadline = call.answer_within.unwrap_or(self.timeouts().answer);
        match tokio::time::timeout(deadline, answer).await {
            Ok(Err(failure)) => Err(fail(failure, pass)),
            Ok(Ok(mut response)) => {
                pass.answered();
                let elapsed = AnsweredAfter(sent.elapsed());
                response.extensions_mut().insert(elapsed);
                Ok(Exchanged {
                    response,
                    authorization,
                })
            }
            Err(_) => {
                let strain = Throttling::Strain;
                self.limiter().answered(call.operation, None, strain, None);
                let unanswered = pass.unanswered(deadline);
                Err(Untransmitted::Failed(error(unanswered)))
            }
        }
    }

    /// Takes in what an answer says of the limiter, and turns a refusal into an error.
    pub(super) async fn accept(&self, call: &Request, sent: Exchanged) -> Result<Response, Error> {
        let Exchanged {
            response,
            authorization,
        } = sent;
        let status = response.status().as_u16();
        let own = self.is_own(&call.url);
        let elapsed = response.extensions().get().copied();
        let elapsed = elapsed.map(|AnsweredAfter(elapsed)| elapsed);
        let budget = Budget::read(response.headers()).filter(|_| own);
        if status < 400 {
            if own {
                self.limiter()
                    .answered(call.operation, elapsed, Throttling::None, budget);
            }
            return Ok(response);
        }
        let asked = retry_after(response.headers());
        let (code, message) = match call.method {
            Method::HEAD => (None, None),
            _ => {
                let secrets = call.secrets(authorization.as_ref());
                let body = limited_body(response, self.timeouts().error_body).await;
                read_error_body(&body, &secrets)
            }
        };
        let throttling = Throttling::of(status, code.as_deref(), message.as_deref(), asked, budget);
        let pause = match own {
            true => self
                .limiter()
                .answered(call.operation, elapsed, throttling, budget),
            false => None,
        };
        // A 503 without a time may be one that stays: it is tried again as often as any failure.
        let retry_after = if status == 503 {
            asked
        } else {
            pause.or(asked)
        };
        let cause = ErrorCause::Status {
            status,
            code,
            message,
            retry_after,
        };
        Err(self.error(call.operation, Some(&call.url), cause))
    }
}

/// What a connection that could not be made means for the requests to come.
pub(super) fn connect_failed(cause: ErrorCause, pass: Pass) -> ErrorCause {
    match cause {
        ErrorCause::Unreachable { why, .. } => ErrorCause::Unreachable {
            again: pass.unreachable(&why),
            why,
        },
        cause => cause,
    }
}

/// As much of an error's body as is worth reading and comes within `timeouts`; a body that breaks off is as good
/// as it got.
pub(super) async fn limited_body(mut response: Response, timeouts: Duration) -> Vec<u8> {
    let deadline = Instant::now() + timeouts;
    let mut body = Vec::new();
    while let Ok(Ok(Some(chunk))) = tokio::time::timeout_at(deadline, response.chunk()).await {
        body.extend_from_slice(&chunk);
        if body.len() >= ERROR_BODY_LIMIT {
            body.truncate(ERROR_BODY_LIMIT);
            break;
        }
    }
    body
}

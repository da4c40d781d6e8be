//! One request and its answer, authorized: learn how, carry a header, ask again where another may help.
//!
//! Decides how often a request is sent for the sake of its authorization: once more with a new header
//! after a 401, once more with a narrower token where a union was refused. Invariant: credentials go to
//! the registry's own host and to its token server, never to where it redirects.

use std::sync::{Arc, PoisonError};

use reqwest::{Method, Response, StatusCode, header::HeaderValue};
use url::Url;

use super::{
    Client, Error, ErrorCause, FailureClass, Operation,
    auth::{Authorizer, Scopes},
    circuit_breaker::CircuitBreaker,
    client::Elsewhere,
    http::{Request, RequestBody, limited_body},
    tls,
};

impl Client {
    /// Asks `/v2/` once, to learn how this registry wants to be authorized (quirk 51).
    pub async fn reach(&self) -> Result<(), Error> {
        let ping = || async {
            let call = self.ping();
            let sent = self.send_once(&call, RequestBody::Empty, None).await?;
            if matches!(sent.response.status().as_u16(), 429 | 500..) {
                return self.accept(&call, sent).await.map(drop);
            }
            let response = sent.response;
            if let Some(peer) = response.remote_addr().filter(|_| !self.proxied) {
                self.redirect_policy.answered_from(peer);
            }
            self.learn(&self.auth, Operation::Ping, &self.base, &response)?;
            match response.status() {
                StatusCode::BAD_REQUEST if self.base.scheme() == "http" => {
                    let timeouts = self.timeouts().error_body;
                    let advice = tls::answered_plain(&limited_body(response, timeouts).await);
                    let error = |cause| self.error(Operation::Ping, Some(&self.base), cause);
                    advice.map_or(Ok(()), |cause| Err(error(cause)))
                }
                _ => Ok(()),
            }
        };
        self.reached.get_or_try_init(ping).await.copied()
    }

    /// Whether the registry takes the credentials it was given; asks again at `/v2/`, with them.
    ///
    /// # Errors
    /// It refuses them, or cannot be reached.
    pub async fn check_credentials(&self) -> Result<(), Error> {
        self.send(self.ping()).await.map(drop)
    }

    /// Asks a registry that was gone whether it is back; its limiter takes in the answer.
    pub async fn probe(&self) {
        let _ = self.send_once(&self.ping(), RequestBody::Empty, None).await;
    }

    fn ping(&self) -> Request {
        let url = self.base.clone();
        Request::new(Operation::Ping, Method::GET, url, Scopes::none())
    }

    pub(super) async fn send_authorized(
        &self,
        call: &Request,
        body: RequestBody,
    ) -> Result<Response, Error> {
        let auth = match self.is_own(&call.url) {
            true => {
                self.reach().await?;
                Arc::clone(&self.auth)
            }
            false => self.redirect_host_auth(&call.url).auth,
        };
        let replay = body.replay();
        let mut sent = self.send_once(call, body, Some(&auth)).await?;
        // A union that was narrowed is known to be refused; without it costs less than another token.
        if sent.response.status() == StatusCode::UNAUTHORIZED && !auth.is_narrowed(&call.scopes) {
            // Expired, revoked, or this path asks for more than /v2/ did.
            self.learn(&auth, call.operation, &call.url, &sent.response)?;
            auth.refuse(&call.scopes, sent.authorization.as_ref())
                .await
                .map_err(|cause| self.token_error(&auth, call, cause))?;
            let renewed = self.authorization(&auth, call).await?;
            if renewed.is_some() && renewed != sent.authorization {
                let Some(body) = replay.as_ref().and_then(RequestBody::replay) else {
                    // The caller knows which bytes are still to be sent (quirk 36).
                    return Err(self.error(call.operation, Some(&call.url), ErrorCause::Expired));
                };
                sent = self.send_once(call, body, Some(&auth)).await?;
            }
        }
        let refused = matches!(
            sent.response.status(),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        );
        if let Some(body) = replay.filter(|_| refused && auth.narrow(&call.scopes))
            && self.authorization(&auth, call).await? != sent.authorization
        {
            sent = self.send_once(call, body, Some(&auth)).await?;
        }
        match self.accept(call, sent).await {
            Err(error) if error.status() == Some(401) && auth.is_anonymous() => {
                let cause = ErrorCause::NoCredentials(format!("it {}", error.cause));
                Err(self.error(call.operation, Some(&call.url), cause))
            }
            answer => answer,
        }
    }

    /// What is known of a host this registry redirects to.
    pub(super) fn redirect_host_auth(&self, url: &Url) -> Elsewhere {
        let mut elsewhere = self
            .redirect_hosts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let host = elsewhere.entry(url.origin());
        let new = || Elsewhere {
            auth: Arc::new(Authorizer::of_redirect_host(self.http.clone())),
            breaker: CircuitBreaker::impatient(),
        };
        host.or_insert_with(new).clone()
    }

    fn learn(
        &self,
        auth: &Authorizer,
        operation: Operation,
        asked: &Url,
        response: &Response,
    ) -> Result<(), Error> {
        auth.learn(
            response.status(),
            response.headers(),
            asked,
            &self.redirect_policy,
        )
        .map_err(|cause| self.error(operation, Some(asked), cause))
    }

    /// What a request sent now identifies itself with.
    pub(super) async fn authorization(
        &self,
        auth: &Authorizer,
        call: &Request,
    ) -> Result<Option<HeaderValue>, Error> {
        auth.header(&call.scopes)
            .await
            .map_err(|cause| self.token_error(auth, call, cause))
    }

    /// A token server that is busy closes the limiter as the registry itself would.
    fn token_error(&self, auth: &Authorizer, call: &Request, cause: ErrorCause) -> Error {
        let error = match auth.realm() {
            Some(realm) => self.error(Operation::FetchToken, Some(&realm), cause),
            None => self.error(call.operation, Some(&call.url), cause),
        };
        if let FailureClass::Transient {
            retry_after_ms: Some(pause),
        } = error.class()
        {
            self.limiter().throttle(pause.into());
        }
        error
    }
}

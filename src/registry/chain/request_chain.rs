//! The chain of stages: limiter, authorization, sender, authorization retry, classifier, redirect.
//!
//! Decides their order and how often a request is sent. Invariant: a request is sent again only on a connection that
//! broke before the answer (once), with a new authorization (once), with a narrower token (once), or to the target of
//! a redirect. All other failures are errors; whether to retry them is the caller's decision.

use std::sync::Arc;

use reqwest::{Method, Response, header::LOCATION};
use rustls::pki_types::CertificateDer;
use url::Url;

use super::{
    auth_retry::AuthRetry,
    authorization::Authorization,
    classifier::Classifier,
    first_answer::FirstAnswer,
    host::{Host, Hosts},
    location::Locations,
    request::Request,
    sender::{Answer, Reached, SendError, Sender},
};
use crate::{
    oci::Registry,
    registry::{
        auth::{Authorizer, Credentials, Scopes},
        error::{Error, ErrorCause},
        http_clients::HttpClients,
        limiter::RegistryLimiter,
        operation::Operation,
        redirect_policy::RedirectPolicy,
        timeouts::Timeouts,
    },
};

/// Registries redirect to storage. Storage rarely redirects further.
const MAX_REDIRECTS: usize = 5;

pub(in crate::registry) struct RequestChain {
    hosts: Hosts,
    limiter: Arc<RegistryLimiter>,
    authorization: Arc<Authorization>,
    sender: Sender,
    auth_retry: AuthRetry,
    classifier: Classifier,
    locations: Locations,
    pub(in crate::registry) first_answer: FirstAnswer,
    reached: Arc<Reached>,
    registry: Registry,
}

impl RequestChain {
    pub(in crate::registry) fn new(
        registry: &Registry,
        credentials: Credentials,
        http: HttpClients,
        policy: &Arc<RedirectPolicy>,
        limiter: &Arc<RegistryLimiter>,
        timeouts: Timeouts,
    ) -> Self {
        let base = http.base().clone();
        let authorizer = Authorizer::of_registry(http.clone(), base.clone(), credentials);
        let (reached, body_time) = (Arc::<Reached>::default(), timeouts.error_body);
        let authorization = Arc::new(Authorization {
            limiter: Arc::clone(limiter),
        });
        Self {
            hosts: Hosts::new(base, authorizer, limiter.breaker().clone(), http.clone()),
            limiter: Arc::clone(limiter),
            first_answer: FirstAnswer {
                policy: Arc::clone(policy),
                proxied: http.is_proxied(),
                body_time,
            },
            auth_retry: AuthRetry {
                authorization: Arc::clone(&authorization),
                policy: Arc::clone(policy),
            },
            authorization,
            sender: Sender {
                http,
                limiter: Arc::clone(limiter),
                timeouts,
                reached: Arc::clone(&reached),
            },
            classifier: Classifier {
                limiter: Arc::clone(limiter),
                body_time,
            },
            locations: Locations::new(Arc::clone(policy)),
            registry: registry.clone(),
            reached,
        }
    }

    /// Sends a request. Redirects of reading requests are followed.
    ///
    /// # Errors
    /// Any status from 400 on.
    pub(in crate::registry) async fn send(&self, mut request: Request) -> Result<Response, Error> {
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send_to_one_host(&mut request).await?;
            if !request.is_read() || !response.status().is_redirection() {
                return Ok(response);
            }
            let location = response.headers().get(LOCATION);
            let next = self.locations.resolve(&request.url, location);
            request.url = next.map_err(|cause| request.error(cause))?;
        }
        Err(request.error(ErrorCause::Redirect("it redirects in circles".into())))
    }

    async fn send_to_one_host(&self, request: &mut Request) -> Result<Response, Error> {
        let host = self.hosts.of(&request.url);
        if host.is_registry {
            self.reach().await?;
        }
        let authorizer = Some(&*host.authorizer);
        let retry = &self.auth_retry;
        let mut answer = self.exchange(request, &host, authorizer).await?;
        if retry.with_new_header(request, &host, &answer).await? {
            answer = self.exchange(request, &host, authorizer).await?;
        }
        if retry.with_narrower_token(request, &host, &answer).await? {
            answer = self.exchange(request, &host, authorizer).await?;
        }
        self.classifier.classify(request, &host, answer).await
    }

    /// Sends a request and, if its connection breaks before the answer, once more: the connection was kept open for
    /// too long, or leads to a server that speaks another protocol (quirk 19, see registry/quirks.md).
    async fn exchange(
        &self,
        request: &mut Request,
        host: &Host,
        authorizer: Option<&Authorizer>,
    ) -> Result<Answer, Error> {
        let answer = match self.attempt(request, host, authorizer).await {
            Err(SendError::Broken(_)) if request.body.can_be_sent_again() => {
                self.attempt(request, host, authorizer).await
            }
            answer => answer,
        };
        answer.map_err(SendError::into_error)
    }

    async fn attempt(
        &self,
        request: &mut Request,
        host: &Host,
        authorizer: Option<&Authorizer>,
    ) -> Result<Answer, SendError> {
        let admitted = self.limiter.admit(&host.breaker, request.operation).await;
        let pass = admitted.map_err(|reason| SendError::Failed(request.error(reason.into())))?;
        // After the limiter: a token may expire while the request waits.
        let authorization = match authorizer {
            Some(authorizer) => self.authorization.header(request, authorizer).await,
            None => Ok(None),
        };
        let authorization = authorization.map_err(SendError::Failed)?;
        self.sender.send(request, authorization, pass).await
    }

    /// Asks `/v2/` until the registry answered once, to learn how it wants requests to be authorized.
    pub(in crate::registry) async fn reach(&self) -> Result<(), Error> {
        let ping = || async {
            let (mut request, host) = (self.ping(), self.hosts.registry());
            let answer = self.exchange(&mut request, host, None).await?;
            match answer.status().as_u16() {
                429 | 500.. => {
                    let refused = self.classifier.classify(&request, host, answer);
                    refused.await.map(drop)
                }
                _ => self.first_answer.learn(&request, host, answer).await,
            }
        };
        self.reached.get_or_try_init(ping).await.copied()
    }

    /// Asks `/v2/` once, without credentials; the circuit breaker closes if there is an answer.
    pub(in crate::registry) async fn probe(&self) {
        let _ = self.ping_answer().await;
    }

    /// The answer of `/v2/` without credentials, whatever it is.
    pub(in crate::registry) async fn ping_answer(&self) -> Result<Answer, Error> {
        let host = self.hosts.registry();
        self.exchange(&mut self.ping(), host, None).await
    }

    /// The registry's `/v2/`.
    pub(in crate::registry) fn base(&self) -> &Url {
        self.hosts.base()
    }

    /// What the registry showed in the last handshake.
    pub(in crate::registry) fn presented_certificates(&self) -> Vec<CertificateDer<'static>> {
        self.sender.http.presented_certificates().get()
    }

    /// A request to `/v2/`.
    pub(in crate::registry) fn ping(&self) -> Request {
        let (operation, url) = (Operation::Ping, self.hosts.base().clone());
        Request::new(&self.registry, operation, Method::GET, url, Scopes::none())
    }

    /// Whether `url` is on the registry's own origin, so that it may see credentials.
    pub(in crate::registry) fn is_own(&self, url: &Url) -> bool {
        self.hosts.is_registry(url)
    }
}

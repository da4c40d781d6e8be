//! The stage that learns from the first answer of a registry, to `/v2/`.
//!
//! Decides what is learned: the authorization scheme (quirk 51, see registry/quirks.md), and from the address of the
//! peer whether the registry is inside a private network. Invariant: an answer is taken as a registry's unless it
//! says that TLS was expected.

use std::{sync::Arc, time::Duration};

use reqwest::StatusCode;

use super::{host::Host, request::Request, sender::Answer};
use crate::registry::{error::Error, error_body, redirect_policy::RedirectPolicy, tls};

pub(in crate::registry) struct FirstAnswer {
    pub policy: Arc<RedirectPolicy>,
    /// The peer is a proxy, whose address says nothing about the registry's.
    pub proxied: bool,
    /// For the body of an error.
    pub body_time: Duration,
}

impl FirstAnswer {
    pub(super) async fn learn(
        &self,
        request: &Request,
        host: &Host,
        answer: Answer,
    ) -> Result<(), Error> {
        let response = answer.response;
        if let Some(peer) = response.remote_addr().filter(|_| !self.proxied) {
            self.policy.answered_from(peer);
        }
        let (status, headers) = (response.status(), response.headers());
        host.authorizer
            .learn(status, headers, &request.url, &self.policy)
            .map_err(|cause| request.error(cause))?;
        match status {
            StatusCode::BAD_REQUEST if request.url.scheme() == "http" => {
                let body = error_body::read_limited(response, self.body_time).await;
                tls::answered_plain(&body).map_or(Ok(()), |cause| Err(request.error(cause)))
            }
            _ => Ok(()),
        }
    }
}

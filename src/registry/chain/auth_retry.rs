//! The stage that decides whether a refused request is sent again with another authorization.
//!
//! Decides: once more with a new header after a 401, and once more with a narrower token after a 401 or 403 to a
//! union of scopes. Invariant: a request is never repeated with the header that was refused.

use std::sync::Arc;

use reqwest::StatusCode;

use super::{authorization::Authorization, host::Host, request::Request, sender::Answer};
use crate::registry::{
    error::{Error, ErrorCause},
    redirect_policy::RedirectPolicy,
};

pub(super) struct AuthRetry {
    pub authorization: Arc<Authorization>,
    pub policy: Arc<RedirectPolicy>,
}

impl AuthRetry {
    /// Whether a new header may help: the token expired or was revoked, or this path needs more than `/v2/`.
    pub(super) async fn with_new_header(
        &self,
        request: &Request,
        host: &Host,
        answer: &Answer,
    ) -> Result<bool, Error> {
        let authorizer = &host.authorizer;
        // A narrowed union is known to be refused: send it narrower at once, without fetching the wide token again.
        if answer.status() != StatusCode::UNAUTHORIZED || authorizer.is_narrowed(&request.scopes) {
            return Ok(false);
        }
        let headers = answer.response.headers();
        // The challenge of another API says nothing about `/v2/`.
        if !request.scopes.is_direct() {
            authorizer
                .learn(answer.status(), headers, &request.url, &self.policy)
                .map_err(|cause| request.error(cause))?;
        }
        authorizer
            .refuse(&request.scopes, answer.authorization.as_ref())
            .await
            .map_err(|cause| self.authorization.error(request, authorizer, cause))?;
        let renewed = self.authorization.header(request, authorizer).await?;
        match renewed.is_some() && renewed != answer.authorization {
            true if request.body.can_be_sent_again() => Ok(true),
            // The caller knows which bytes are missing (quirk 36, see registry/quirks.md).
            true => Err(request.error(ErrorCause::Expired)),
            false => Ok(false),
        }
    }

    /// Whether a token for the required scope alone may help. Later requests use it from the start.
    pub(super) async fn with_narrower_token(
        &self,
        request: &Request,
        host: &Host,
        answer: &Answer,
    ) -> Result<bool, Error> {
        let is_refused = matches!(
            answer.status(),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        );
        if !is_refused
            || !request.body.can_be_sent_again()
            || !host.authorizer.narrow(&request.scopes)
        {
            return Ok(false);
        }
        let narrower = self.authorization.header(request, &host.authorizer).await?;
        Ok(narrower != answer.authorization)
    }
}

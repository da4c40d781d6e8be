//! The stage that authorizes a request.
//!
//! Decides which error a request has that cannot be authorized; which header it gets is decided by `auth`.
//! Invariant: a token server that is rate limiting pauses the registry's limiter, as the registry itself would.

use std::sync::Arc;

use reqwest::header::HeaderValue;

use super::request::Request;
use crate::registry::{
    FailureClass, auth::Authorizer, error::Error, error::ErrorCause, limiter::RegistryLimiter,
    operation::Operation,
};

pub(super) struct Authorization {
    pub limiter: Arc<RegistryLimiter>,
}

impl Authorization {
    /// The `Authorization` header of a request that is sent now.
    pub(super) async fn header(
        &self,
        request: &Request,
        authorizer: &Authorizer,
    ) -> Result<Option<HeaderValue>, Error> {
        authorizer
            .header(&request.scopes)
            .await
            .map_err(|cause| self.error(request, authorizer, cause))
    }

    /// The error of a request whose token cannot be fetched.
    pub(super) fn error(
        &self,
        request: &Request,
        authorizer: &Authorizer,
        cause: ErrorCause,
    ) -> Error {
        let error = match authorizer.realm() {
            Some(realm) => {
                let operation = Operation::FetchToken;
                Error::new(operation, &request.registry, Some(&realm), cause)
            }
            None => request.error(cause),
        };
        if let FailureClass::Transient {
            retry_after_ms: Some(pause),
        } = error.class()
        {
            self.limiter.throttle(pause.into());
        }
        error
    }
}

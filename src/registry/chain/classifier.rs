//! The stage that tells successes from errors, and reports to the limiter how much load the registry takes.
//!
//! Decides what counts as a success: any status below 400. Invariant: the limiter learns from answers of the registry
//! only, not from those of hosts it redirects to.

use std::{sync::Arc, time::Duration};

use reqwest::{Method, Response};

use super::{host::Host, request::Request, sender::Answer};
use crate::{
    batch::Budget,
    registry::{
        error::{Error, ErrorCause},
        error_body,
        limiter::RegistryLimiter,
        throttling::{Throttling, retry_after},
    },
};

pub(super) struct Classifier {
    pub limiter: Arc<RegistryLimiter>,
    /// For the body of an error.
    pub body_time: Duration,
}

impl Classifier {
    pub(super) async fn classify(
        &self,
        request: &Request,
        host: &Host,
        answer: Answer,
    ) -> Result<Response, Error> {
        let Answer {
            response,
            authorization,
            elapsed,
        } = answer;
        let status = response.status().as_u16();
        let answered = |throttling, budget| match host.is_registry {
            true => (self.limiter).answered(request.operation, elapsed, throttling, budget),
            false => None,
        };
        let budget = Budget::read(response.headers()).filter(|_| host.is_registry);
        if status < 400 {
            answered(Throttling::None, budget);
            return Ok(response);
        }
        let requested_pause = retry_after(response.headers());
        let (code, message) = match request.method {
            Method::HEAD => (None, None),
            _ => {
                let secrets = request.secrets(authorization.as_ref());
                let body = error_body::read_limited(response, self.body_time).await;
                error_body::parse(&body, &secrets)
            }
        };
        let (code_text, text) = (code.as_deref(), message.as_deref());
        let throttling = Throttling::of(status, code_text, text, requested_pause, budget);
        let pause = answered(throttling, budget);
        // A 503 without Retry-After may be permanent, so its retries are limited like those of any failure.
        let retry_after = match status {
            503 => requested_pause,
            _ => pause.or(requested_pause),
        };
        let cause = ErrorCause::Status {
            status,
            code,
            message,
            retry_after,
        };
        Err(request.error(match status {
            401 if host.authorizer.is_anonymous() => {
                ErrorCause::NoCredentials(format!("it {cause}"))
            }
            _ => cause,
        }))
    }
}

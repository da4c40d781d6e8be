//! What a request passes on the way to its answer.
//!
//! Decides the order: access log, fault script, authorization, route. Invariant: the access log has a request before
//! anything else happens to it.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, HttpBody},
    extract::State,
    http::{HeaderName, HeaderValue, Method, Request, header, request::Parts},
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;

use super::{
    connection::Switch,
    errors::ErrorResponse,
    fault_body::{Count, FaultBody},
    faults::AppliedFaults,
    paths::Resource,
    responses, routes,
    service::Service,
    slow_client::WatchedBody,
};

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// How much of a refused body is read, and for how long. Without this the client may find its connection reset
/// before it reads the answer.
const MAX_DRAIN_TIME: Duration = Duration::from_secs(1);
const MAX_DRAIN_BYTES: u64 = 256 * 1024;

/// The registry without the handling of connections.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new().fallback(handle).with_state(service)
}

async fn handle(State(service): State<Arc<Service>>, request: Request<Body>) -> Response {
    let (mut request, body) = request.into_parts();
    let entry = service.access_log.as_ref().map(|log| log.begin(&request));
    let switch = request
        .extensions
        .get::<Switch>()
        .cloned()
        .unwrap_or_default();
    let faults = AppliedFaults::new(service.faults.hit(&request), switch);
    let length = body.size_hint().exact();
    let took = entry
        .clone()
        .map(|entry| -> Count { Box::new(move |bytes| entry.took(bytes)) });
    let body = WatchedBody::body(body, service.stall);
    let mut body = FaultBody::body(body, took, faults.request_body());
    let mut response = match faults.before(&service, &mut request, length).await {
        Some(response) => response,
        None => answer(&service, &request, &mut body)
            .await
            .unwrap_or_else(ErrorResponse::into_response),
    };
    drain(&request, &mut body).await;
    response
        .headers_mut()
        .insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    if request.method == Method::HEAD {
        response = responses::without_body(response);
    }
    faults.after(&request, &mut response);
    if let Some(entry) = &entry {
        entry.answered(response.status());
    }
    let gave = entry.map(|entry| -> Count { Box::new(move |bytes| entry.gave(bytes)) });
    let body_faults = faults.response_body();
    response.map(|body| FaultBody::body(body, gave, body_faults))
}

async fn answer(
    service: &Service,
    request: &Parts,
    body: &mut Body,
) -> Result<Response, ErrorResponse> {
    let resource = Resource::parse(request.uri.path())?;
    service.auth.check(request, &resource).await?;
    routes::answer(service, request, resource, body).await
}

async fn drain(request: &Parts, body: &mut Body) {
    // A client that waits for "100 Continue" has sent nothing, and reading would make it send.
    if body.is_end_stream() || request.headers.contains_key(header::EXPECT) {
        return;
    }
    let reading = async {
        let mut left = MAX_DRAIN_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, |bytes| bytes.len() as u64);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    let _given_up = tokio::time::timeout(MAX_DRAIN_TIME, reading).await;
}

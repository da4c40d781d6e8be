//! One answer per resource and method; a HEAD is a GET whose body stays here.
//!
//! Decides which route a request takes. Invariant: blocking work on the disk never runs on the thread
//! that drives the connections.

mod blobs;
mod listings;
mod manifests;
mod uploads;

use std::io;

use axum::{
    body::{Body, HttpBody},
    http::{HeaderValue, Method, Response as HttpResponse, StatusCode, header, request::Parts},
    response::Response,
};

use super::{
    errors::{ErrorCode, ErrorResponse},
    paths::{Query, Resource},
    server::Service,
    store::Store,
};
use crate::serve::Access;

pub(crate) async fn answer(
    service: &Service,
    request: &Parts,
    resource: Resource,
    body: &mut Body,
) -> Result<Response, ErrorResponse> {
    let query = Query::of(&request.uri);
    let changes = !matches!(request.method, Method::GET | Method::HEAD);
    if changes && service.access == Access::ReadOnly && resource != Resource::Token {
        return Err(ErrorResponse::new(
            ErrorCode::Unsupported,
            "this registry is read-only",
        ));
    }
    let method = match request.method {
        Method::HEAD => Method::GET,
        ref method => method.clone(),
    };
    match (method, resource) {
        (Method::GET, Resource::Api) => Ok(json(&serde_json::json!({}))),
        (_, Resource::Token) => service.auth.token(request, body).await,
        (Method::GET, Resource::Catalog) => listings::catalog(service, &query).await,
        (Method::GET, Resource::Tags(repository)) => {
            listings::tags(service, repository, &query).await
        }
        (Method::GET, Resource::Referrers(repository, subject)) => {
            listings::referrers(service, repository, subject, &query).await
        }
        (Method::GET, Resource::Manifest(repository, version)) => {
            manifests::get(service, repository, version).await
        }
        (Method::PUT, Resource::Manifest(repository, version)) => {
            manifests::put(service, repository, version, request, body).await
        }
        (Method::DELETE, Resource::Manifest(repository, version)) => {
            manifests::delete(service, repository, version).await
        }
        (Method::GET, Resource::Blob(repository, digest)) => {
            blobs::get(service, repository, digest, request).await
        }
        (Method::DELETE, Resource::Blob(repository, digest)) => {
            blobs::delete(service, repository, digest).await
        }
        (Method::POST, Resource::Uploads(repository)) => {
            uploads::open(service, repository, &query, body).await
        }
        (Method::GET, Resource::Upload(repository, id)) => {
            uploads::status(service, &repository, &id)
        }
        (Method::PATCH, Resource::Upload(repository, id)) => {
            uploads::append(service, &repository, &id, request, body).await
        }
        (Method::PUT, Resource::Upload(repository, id)) => {
            uploads::finish(service, &repository, &id, request, body).await
        }
        (Method::DELETE, Resource::Upload(repository, id)) => {
            uploads::cancel(service, &repository, &id)
        }
        _ => Err(ErrorResponse::new(
            ErrorCode::Unsupported,
            "this method is not supported here",
        )),
    }
}

/// The answer to a HEAD: the headers of the GET, with the length its body has.
pub(crate) fn without_body(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact() {
        parts
            .headers
            .entry(header::CONTENT_LENGTH)
            .or_insert(length.into());
    }
    Response::from_parts(parts, Body::empty())
}

/// Runs disk work where it may block.
async fn on_disk<T: Send + 'static>(
    service: &Service,
    work: impl FnOnce(Store) -> io::Result<T> + Send + 'static,
) -> Result<T, ErrorResponse> {
    let store = service.store.clone();
    let done = tokio::task::spawn_blocking(move || work(store)).await;
    Ok(done.map_err(io::Error::other)??)
}

pub(crate) fn json(value: &serde_json::Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// An answer without a body.
fn empty<const N: usize>(
    status: StatusCode,
    headers: [(header::HeaderName, String); N],
) -> Result<Response, ErrorResponse> {
    let mut response = HttpResponse::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response
        .body(Body::empty())
        .map_err(|error| ErrorResponse::new(ErrorCode::Unknown, error.to_string()))
}

//! Which route answers a request, by resource and method.
//!
//! Invariant: HEAD takes the route of GET; the caller removes the body.

mod blobs;
mod listings;
mod manifests;
mod uploads;

use axum::{
    body::Body,
    http::{Method, request::Parts},
    response::Response,
};

use super::{
    errors::{ErrorCode, ErrorResponse},
    options::Access,
    paths::{Query, Resource},
    responses::json,
    service::Service,
};

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

//! Answers that are not errors: JSON, without a body, and to HEAD.
//!
//! Invariant: the answer to HEAD has the headers of the answer to GET.

use axum::{
    body::{Body, HttpBody},
    http::{HeaderName, HeaderValue, Response as HttpResponse, StatusCode, header},
    response::Response,
};

use super::errors::{ErrorCode, ErrorResponse};

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

pub(crate) fn json(value: &serde_json::Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// An answer without a body.
pub(crate) fn empty<const N: usize>(
    status: StatusCode,
    headers: [(HeaderName, String); N],
) -> Result<Response, ErrorResponse> {
    let mut response = HttpResponse::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response
        .body(Body::empty())
        .map_err(|error| ErrorResponse::new(ErrorCode::Unknown, error.to_string()))
}

//! The faults that hit one request, acted out: before it is carried out, and on its answer.
//!
//! Invariant: the order of the script is kept, before and after.

use std::{
    num::NonZeroU64,
    sync::{MutexGuard, PoisonError},
};

use axum::{
    body::Body,
    http::{
        HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts, uri::PathAndQuery,
    },
    response::{IntoResponse, Response},
};
use url::form_urlencoded;

use super::{
    ActiveFault,
    action::{Action, Memory, OddLocation},
};
use crate::serve::{
    connection::Switch,
    errors::{ErrorCode, ErrorResponse},
    fault_body::{Drip, End, EndBy, Shape},
    paths::{Query, Resource},
    server::Service,
    throttle::ByteRate,
};

const OCI_CHUNK_MIN_LENGTH: HeaderName = HeaderName::from_static("oci-chunk-min-length");

pub(crate) struct Performance {
    faults: Vec<ActiveFault>,
    switch: Switch,
}

impl Performance {
    pub(crate) fn new(faults: Vec<ActiveFault>, switch: Switch) -> Self {
        Self { faults, switch }
    }

    /// What happens to the request's body while it is read.
    pub(crate) fn request_shape(&self) -> Shape {
        let mut shape = Shape::default();
        for fault in &self.faults {
            match fault.0.fault.action {
                Action::CutRequest { after } => {
                    let by = EndBy::Cut(self.switch.clone());
                    shape.end = Some(End { after, by });
                }
                Action::StallRequest { after } => shape.end = Some(stall(fault, after)),
                Action::Drip { rate } => shape.pace = drip(fault, rate),
                _ => {}
            }
        }
        shape
    }

    /// What happens to the response's body while it is sent.
    pub(crate) fn response_shape(&self) -> Shape {
        let mut shape = Shape::default();
        for fault in &self.faults {
            match &fault.0.fault.action {
                Action::CutResponse { after } => {
                    let by = EndBy::CutWhenFlushed(self.switch.clone());
                    shape.end = Some(End { after: *after, by });
                }
                Action::StallResponse { after } => shape.end = Some(stall(fault, *after)),
                Action::OtherByte { at } => shape.other_byte = Some(*at),
                Action::Drip { rate } => shape.pace = drip(fault, *rate),
                Action::DropHeader { name } if name.eq_ignore_ascii_case("content-length") => {
                    shape.unsized_length = true;
                }
                _ => {}
            }
        }
        shape
    }

    /// Acts before the request is carried out; an answer takes the place of its own. `length` is that
    /// of the request body if it was announced, zero if there is none.
    pub(crate) async fn before(
        &self,
        service: &Service,
        request: &mut Parts,
        length: Option<u64>,
    ) -> Option<Response> {
        for fault in &self.faults {
            match &fault.0.fault.action {
                Action::Answer {
                    status,
                    headers,
                    body,
                } => return Some(scripted(*status, headers, body)),
                Action::Redirect { status, base } => {
                    let target = request.uri.path_and_query().map_or("/", |uri| uri.as_str());
                    let location = ("location".to_owned(), format!("{base}{target}"));
                    return Some(scripted(*status, &[location], ""));
                }
                Action::CutRequest { .. } if length == Some(0) => {
                    self.switch.cut();
                    return Some(scripted(500, &[], ""));
                }
                Action::Hang => fault.0.released.cancelled().await,
                Action::LoseSession => {
                    if let Ok(Resource::Upload(repository, id)) =
                        Resource::parse(request.uri.path())
                    {
                        service.uploads.cancel(&repository, &id);
                    }
                }
                Action::RollBack { to } => {
                    if let Ok(Resource::Upload(repository, id)) =
                        Resource::parse(request.uri.path())
                        && let Some(upload) = service.uploads.find(&repository, &id)
                        && let Err(error) = upload.roll_back(*to).await
                    {
                        let code = ErrorCode::BlobUploadInvalid;
                        return Some(ErrorResponse::new(code, error.to_string()).into_response());
                    }
                }
                Action::IgnoreRange => drop(request.headers.remove(header::RANGE)),
                Action::IgnoreMount => {
                    rewrite_query(request, |key, _| key != "mount" && key != "from");
                }
                Action::FirstScopeOnly => rewrite_query(request, |key, earlier| {
                    key != "scope" || !earlier.contains(&"scope")
                }),
                Action::ExpireTokens => service.auth.expire_tokens(),
                Action::BodyCap { bytes, status }
                    if length.is_none_or(|length| length > *bytes) =>
                {
                    return Some(scripted(*status, &[], "request body too large"));
                }
                Action::RequireLength if length.is_none() => {
                    let message = "the request must have a Content-Length";
                    return Some(
                        ErrorResponse::new(ErrorCode::SizeInvalid, message).into_response(),
                    );
                }
                Action::ChunkMinimum { bytes } => {
                    let short = length.is_none_or(|length| length < *bytes);
                    let path = request.uri.path().to_owned();
                    let mut memory = memory(fault);
                    let follows_short = memory.short.contains(&path);
                    if request.method == Method::PATCH && short {
                        memory.short.insert(path);
                    }
                    if request.method == Method::PATCH && follows_short {
                        let message = "the chunk before this one was too short";
                        return Some(
                            ErrorResponse::new(ErrorCode::RangeInvalid, message).into_response(),
                        );
                    }
                }
                Action::Location(OddLocation::OpaqueState) => {
                    let wanted = memory(fault).states.get(request.uri.path()).cloned();
                    let sent = request.uri.query().unwrap_or_default();
                    if wanted.is_some_and(|state| !sent.split('&').any(|pair| pair == state)) {
                        let message = "invalid secret";
                        return Some(
                            ErrorResponse::new(ErrorCode::BlobUploadInvalid, message)
                                .into_response(),
                        );
                    }
                }
                Action::BodyCap { .. }
                | Action::RequireLength
                | Action::CutRequest { .. }
                | Action::CutResponse { .. }
                | Action::OtherByte { .. }
                | Action::LoseAnswer
                | Action::StallResponse { .. }
                | Action::StallRequest { .. }
                | Action::Drip { .. }
                | Action::Location(_)
                | Action::SetHeader { .. }
                | Action::DropHeader { .. }
                | Action::ReplaceStatus { .. } => {}
            }
        }
        None
    }

    /// Acts on the answer.
    pub(crate) fn after(&self, request: &Parts, response: &mut Response) {
        for fault in &self.faults {
            match &fault.0.fault.action {
                Action::LoseAnswer => self.switch.cut(),
                Action::Location(odd) => relocate(fault, *odd, request, response),
                Action::ChunkMinimum { bytes } => {
                    let headers = response.headers_mut();
                    headers.insert(OCI_CHUNK_MIN_LENGTH, HeaderValue::from(*bytes));
                }
                Action::SetHeader { name, value } => {
                    if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                        response.headers_mut().insert(name, value);
                    }
                }
                Action::DropHeader { name } => drop(response.headers_mut().remove(name)),
                Action::ReplaceStatus { status } => {
                    *response.status_mut() = self::status(*status);
                }
                Action::Answer { .. }
                | Action::CutResponse { .. }
                | Action::CutRequest { .. }
                | Action::StallResponse { .. }
                | Action::StallRequest { .. }
                | Action::Hang
                | Action::Drip { .. }
                | Action::LoseSession
                | Action::RollBack { .. }
                | Action::OtherByte { .. }
                | Action::IgnoreRange
                | Action::Redirect { .. }
                | Action::IgnoreMount
                | Action::ExpireTokens
                | Action::FirstScopeOnly
                | Action::BodyCap { .. }
                | Action::RequireLength => {}
            }
        }
    }
}

fn drip(fault: &ActiveFault, rate: u64) -> Option<Drip> {
    let pace = ByteRate::new(NonZeroU64::new(rate)?);
    let released = Box::pin(fault.0.released.clone().cancelled_owned());
    Some(Drip::new(pace, released))
}

fn stall(fault: &ActiveFault, after: u64) -> End {
    let released = Box::pin(fault.0.released.clone().cancelled_owned());
    End {
        after,
        by: EndBy::Stall(released),
    }
}

fn memory(fault: &ActiveFault) -> MutexGuard<'_, Memory> {
    fault
        .0
        .memory
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

fn scripted(code: u16, headers: &[(String, String)], body: &str) -> Response {
    let mut response = Response::new(Body::from(body.to_owned()));
    *response.status_mut() = status(code);
    let parsed = headers
        .iter()
        .filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, value.parse().ok()?)));
    for (name, value) in parsed {
        response.headers_mut().append(name, value);
    }
    response
}

/// A number that is no status is an internal error, which is what the script's author made.
fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Keeps the query's pairs for which `keep` says so, told the key and the keys kept before it.
fn rewrite_query(request: &mut Parts, keep: impl Fn(&str, &[&str]) -> bool) {
    let uri = request.uri.clone();
    let query = Query::of(&uri);
    let mut kept: Vec<&str> = Vec::new();
    let mut rewritten = form_urlencoded::Serializer::new(String::new());
    for (key, value) in query.pairs() {
        if keep(key, &kept) {
            rewritten.append_pair(key, value);
            kept.push(key);
        }
    }
    let target = format!("{}?{}", uri.path(), rewritten.finish());
    if let Ok(target) = PathAndQuery::try_from(target) {
        let mut parts = uri.into_parts();
        parts.path_and_query = Some(target);
        if let Ok(uri) = Uri::from_parts(parts) {
            request.uri = uri;
        }
    }
}

fn relocate(fault: &ActiveFault, odd: OddLocation, request: &Parts, response: &mut Response) {
    let headers = response.headers_mut();
    let Some(path) = headers
        .get(header::LOCATION)
        .and_then(|location| location.to_str().ok())
    else {
        return;
    };
    let host = request
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let location = match odd {
        OddLocation::Absolute => format!("http://{host}{path}"),
        OddLocation::Schemeless => format!("//{host}{path}"),
        OddLocation::Relative => {
            // What is resolved against the request's directory goes up to the root first.
            let depth = request.uri.path().matches('/').count().saturating_sub(1);
            format!("{}{}", "../".repeat(depth), path.trim_start_matches('/'))
        }
        OddLocation::OpaqueState => {
            // Escapes that need not be, in both cases, and characters that could be escaped.
            let state = format!("_state={:032x}%2b%2F%41~:=", rand::random::<u128>());
            memory(fault).states.insert(path.to_owned(), state.clone());
            format!("{path}?{state}")
        }
    };
    if let Ok(location) = location.parse() {
        headers.insert(header::LOCATION, location);
    }
}

//! Applies the faults that hit one request: before it is carried out, to its bodies, and to its answer.
//!
//! Decides when a fault took effect. Invariant: faults are applied in the order of the script.

use std::num::NonZeroU64;

use axum::{
    body::Body,
    http::{
        HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts, uri::PathAndQuery,
    },
    response::{IntoResponse, Response},
};
use url::form_urlencoded;

use super::{
    action::{Action, OddLocation},
    active_fault::ActiveFault,
};
use crate::serve::{
    connection::Switch,
    errors::{ErrorCode, ErrorResponse},
    fault_body::{BodyFaults, Drip, End, EndBy, OtherByte},
    paths::{Query, Resource},
    service::Service,
    throttle::ByteRate,
};

const OCI_CHUNK_MIN_LENGTH: HeaderName = HeaderName::from_static("oci-chunk-min-length");

pub(crate) struct AppliedFaults {
    faults: Vec<ActiveFault>,
    switch: Switch,
}

impl AppliedFaults {
    pub(crate) fn new(faults: Vec<ActiveFault>, switch: Switch) -> Self {
        Self { faults, switch }
    }

    /// What happens to the request's body while it is read.
    pub(crate) fn request_body(&self) -> BodyFaults {
        let mut faults = BodyFaults::default();
        for fault in &self.faults {
            match *fault.action() {
                Action::CutRequest { after } => {
                    let by = EndBy::Cut(self.switch.clone());
                    faults.end = Some(end(fault, after, by));
                }
                Action::StallRequest { after } => faults.end = Some(stall(fault, after)),
                Action::Drip { rate } => faults.pace = drip(fault, rate),
                _ => {}
            }
        }
        faults
    }

    /// What happens to the response's body while it is sent.
    pub(crate) fn response_body(&self) -> BodyFaults {
        let mut faults = BodyFaults::default();
        for fault in &self.faults {
            match fault.action() {
                Action::CutResponse { after } => {
                    let by = EndBy::CutWhenFlushed(self.switch.clone());
                    faults.end = Some(end(fault, *after, by));
                }
                Action::StallResponse { after } => faults.end = Some(stall(fault, *after)),
                Action::OtherByte { at } => {
                    let (at, effect) = (*at, fault.effect());
                    faults.other_byte = Some(OtherByte { at, effect });
                }
                Action::Drip { rate } => faults.pace = drip(fault, *rate),
                Action::DropHeader { name } if name.eq_ignore_ascii_case("content-length") => {
                    faults.unsized_length = true;
                }
                _ => {}
            }
        }
        faults
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
            let took_effect = match fault.action() {
                Action::Answer {
                    status,
                    headers,
                    body,
                } => return Some(instead(fault, scripted(*status, headers, body))),
                Action::Redirect { status, base } => {
                    let target = request.uri.path_and_query().map_or("/", |uri| uri.as_str());
                    let location = ("location".to_owned(), format!("{base}{target}"));
                    return Some(instead(fault, scripted(*status, &[location], "")));
                }
                Action::CutRequest { .. } if length == Some(0) => {
                    self.switch.cut();
                    return Some(instead(fault, scripted(500, &[], "")));
                }
                Action::Hang => {
                    fault.effect().mark();
                    fault.released().await;
                    true
                }
                Action::LoseSession => match Resource::parse(request.uri.path()) {
                    Ok(Resource::Upload(repository, id)) => {
                        service.uploads.cancel(&repository, &id)
                    }
                    _ => false,
                },
                Action::RollBack { to } => match Resource::parse(request.uri.path()) {
                    Ok(Resource::Upload(repository, id)) => {
                        match service.uploads.find(&repository, &id) {
                            Some(upload) => match upload.roll_back(*to).await {
                                Ok(()) => true,
                                Err(error) => {
                                    let code = ErrorCode::BlobUploadInvalid;
                                    let refusal = ErrorResponse::new(code, error.to_string());
                                    return Some(refusal.into_response());
                                }
                            },
                            None => false,
                        }
                    }
                    _ => false,
                },
                Action::IgnoreRange => request.headers.remove(header::RANGE).is_some(),
                Action::IgnoreMount => {
                    rewrite_query(request, |key, _| key != "mount" && key != "from")
                }
                Action::FirstScopeOnly => rewrite_query(request, |key, earlier| {
                    key != "scope" || !earlier.contains(&"scope")
                }),
                Action::ExpireTokens => {
                    service.auth.expire_tokens();
                    true
                }
                Action::BodyCap { bytes, status } => {
                    if length.is_none_or(|length| length > *bytes) {
                        let refusal = scripted(*status, &[], "request body too large");
                        return Some(instead(fault, refusal));
                    }
                    false
                }
                Action::RequireLength => {
                    if length.is_none() {
                        let message = "the request must have a Content-Length";
                        return Some(refused(fault, ErrorCode::SizeInvalid, message));
                    }
                    true
                }
                Action::ChunkMinimum { bytes } => {
                    let short = length.is_none_or(|length| length < *bytes);
                    let path = request.uri.path().to_owned();
                    let mut memory = fault.memory();
                    let follows_short = memory.short.contains(&path);
                    if request.method == Method::PATCH && short {
                        memory.short.insert(path);
                    }
                    if request.method == Method::PATCH && follows_short {
                        let message = "the chunk before this one was too short";
                        return Some(refused(fault, ErrorCode::RangeInvalid, message));
                    }
                    true
                }
                Action::Location(OddLocation::OpaqueState) => {
                    let expected = fault.memory().states.get(request.uri.path()).cloned();
                    let sent = request.uri.query().unwrap_or_default();
                    if expected.is_some_and(|state| !sent.split('&').any(|pair| pair == state)) {
                        let message = "invalid secret";
                        return Some(refused(fault, ErrorCode::BlobUploadInvalid, message));
                    }
                    false
                }
                Action::CutRequest { .. }
                | Action::CutResponse { .. }
                | Action::OtherByte { .. }
                | Action::LoseAnswer
                | Action::StallResponse { .. }
                | Action::StallRequest { .. }
                | Action::Drip { .. }
                | Action::Location(_)
                | Action::SetHeader { .. }
                | Action::DropHeader { .. }
                | Action::ReplaceStatus { .. } => false,
            };
            if took_effect {
                fault.effect().mark();
            }
        }
        None
    }

    /// Acts on the answer.
    pub(crate) fn after(&self, request: &Parts, response: &mut Response) {
        for fault in &self.faults {
            let took_effect = match fault.action() {
                Action::LoseAnswer => {
                    self.switch.cut();
                    true
                }
                Action::Location(odd) => relocate(fault, *odd, request, response),
                Action::ChunkMinimum { bytes } => {
                    let headers = response.headers_mut();
                    headers.insert(OCI_CHUNK_MIN_LENGTH, HeaderValue::from(*bytes));
                    true
                }
                Action::SetHeader { name, value } => {
                    match (name.parse::<HeaderName>(), value.parse()) {
                        (Ok(name), Ok(value)) => {
                            response.headers_mut().insert(name, value);
                            true
                        }
                        _ => false,
                    }
                }
                Action::DropHeader { name } => {
                    response.headers_mut().remove(name).is_some()
                        || name.eq_ignore_ascii_case("content-length")
                }
                Action::ReplaceStatus { status } => {
                    let status = self::status(*status);
                    std::mem::replace(response.status_mut(), status) != status
                }
                // The pace applies to whichever body there is.
                Action::Drip { .. } => true,
                Action::Answer { .. }
                | Action::CutResponse { .. }
                | Action::CutRequest { .. }
                | Action::StallResponse { .. }
                | Action::StallRequest { .. }
                | Action::Hang
                | Action::LoseSession
                | Action::RollBack { .. }
                | Action::OtherByte { .. }
                | Action::IgnoreRange
                | Action::Redirect { .. }
                | Action::IgnoreMount
                | Action::ExpireTokens
                | Action::FirstScopeOnly
                | Action::BodyCap { .. }
                | Action::RequireLength => false,
            };
            if took_effect {
                fault.effect().mark();
            }
        }
    }
}

/// The answer that a fault gives instead of the registry's.
fn instead(fault: &ActiveFault, response: Response) -> Response {
    fault.effect().mark();
    response
}

fn refused(fault: &ActiveFault, code: ErrorCode, message: &str) -> Response {
    instead(fault, ErrorResponse::new(code, message).into_response())
}

fn drip(fault: &ActiveFault, rate: u64) -> Option<Drip> {
    let pace = ByteRate::new(NonZeroU64::new(rate)?);
    Some(Drip::new(pace, Box::pin(fault.released())))
}

fn stall(fault: &ActiveFault, after: u64) -> End {
    end(fault, after, EndBy::Stall(Box::pin(fault.released())))
}

fn end(fault: &ActiveFault, after: u64, by: EndBy) -> End {
    let effect = fault.effect();
    End { after, by, effect }
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

/// A number that is no HTTP status becomes 500.
fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Keeps the pairs of the query for which `keep(key, keys kept before)` holds. Whether a pair was removed.
fn rewrite_query(request: &mut Parts, keep: impl Fn(&str, &[&str]) -> bool) -> bool {
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
    let removed = kept.len() < query.pairs().count();
    let target = format!("{}?{}", uri.path(), rewritten.finish());
    if let Ok(target) = PathAndQuery::try_from(target) {
        let mut parts = uri.into_parts();
        parts.path_and_query = Some(target);
        if let Ok(uri) = Uri::from_parts(parts) {
            request.uri = uri;
        }
    }
    removed
}

/// Rewrites the `Location` of the answer. Whether there was one.
fn relocate(
    fault: &ActiveFault,
    odd: OddLocation,
    request: &Parts,
    response: &mut Response,
) -> bool {
    let headers = response.headers_mut();
    let Some(path) = headers
        .get(header::LOCATION)
        .and_then(|location| location.to_str().ok())
    else {
        return false;
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
            // Resolved against the directory of the request: go up to the root first.
            let depth = request.uri.path().matches('/').count().saturating_sub(1);
            format!("{}{}", "../".repeat(depth), path.trim_start_matches('/'))
        }
        OddLocation::OpaqueState => {
            // Unnecessary escapes, in upper and lower case, and characters that could be escaped.
            let state = format!("_state={:032x}%2b%2F%41~:=", rand::random::<u128>());
            fault.memory().states.insert(path.to_owned(), state.clone());
            format!("{path}?{state}")
        }
    };
    if let Ok(location) = location.parse() {
        headers.insert(header::LOCATION, location);
    }
    true
}

//! Reading and deleting blobs (distribution-spec "Pulling blobs", RFC 9110 section 14 for ranges).
//!
//! Invariant: memory does not grow with the size of a blob.

use std::io::SeekFrom;

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Response as HttpResponse, StatusCode, header, request::Parts},
    response::Response,
};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use crate::{
    oci::{Digest, Repository},
    serve::{
        errors::{ErrorCode, ErrorResponse},
        responses::empty,
        service::Service,
    },
};

pub(super) const DOCKER_CONTENT_DIGEST: HeaderName =
    HeaderName::from_static("docker-content-digest");

const READ_BUFFER_BYTES: usize = 128 * 1024;

pub(super) async fn get(
    service: &Service,
    repository: Repository,
    digest: Digest,
    request: &Parts,
) -> Result<Response, ErrorResponse> {
    let opened = {
        let digest = digest.clone();
        service
            .on_disk(move |store| store.open_blob(&repository, &digest))
            .await?
    };
    let (file, size) = opened.ok_or_else(unknown)?;
    let range = match request.headers.get(header::RANGE).map(HeaderValue::to_str) {
        Some(Ok(range)) => ByteRange::parse(range, size),
        Some(Err(_)) | None => ByteRange::Whole,
    };
    let mut response = HttpResponse::builder()
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::ETAG, format!("\"{digest}\""))
        .header(DOCKER_CONTENT_DIGEST, digest.to_string());
    let (start, length) = match range {
        ByteRange::Whole => (0, size),
        ByteRange::Part { start, length } => {
            let end = start + length - 1;
            response = response
                .status(StatusCode::PARTIAL_CONTENT)
                .header(header::CONTENT_RANGE, format!("bytes {start}-{end}/{size}"));
            (start, length)
        }
        ByteRange::Outside => {
            let refusal = ErrorResponse::new(ErrorCode::RangeInvalid, "the blob has no such bytes");
            return Err(refusal.with(header::CONTENT_RANGE, &format!("bytes */{size}")));
        }
    };
    let mut file = tokio::fs::File::from_std(file);
    file.seek(SeekFrom::Start(start)).await?;
    let body = Body::from_stream(ReaderStream::with_capacity(
        file.take(length),
        READ_BUFFER_BYTES,
    ));
    response
        .header(header::CONTENT_LENGTH, length)
        .body(body)
        .map_err(|error| ErrorResponse::new(ErrorCode::Unknown, error.to_string()))
}

pub(super) async fn delete(
    service: &Service,
    repository: Repository,
    digest: Digest,
) -> Result<Response, ErrorResponse> {
    let deleted = service.on_disk(move |store| store.delete_blob(&repository, &digest));
    match deleted.await? {
        true => empty(StatusCode::ACCEPTED, []),
        false => Err(unknown()),
    }
}

fn unknown() -> ErrorResponse {
    ErrorResponse::new(
        ErrorCode::BlobUnknown,
        "this repository does not hold the blob",
    )
}

/// What a `Range` header selects of `size` bytes.
#[derive(Debug, PartialEq, Eq)]
enum ByteRange {
    /// No range, or one that a server ignores: several ranges, another unit, or a syntax error.
    Whole,
    Part {
        start: u64,
        length: u64,
    },
    Outside,
}

impl ByteRange {
    fn parse(text: &str, size: u64) -> Self {
        let Some((first, last)) = text
            .trim()
            .strip_prefix("bytes=")
            .and_then(|range| range.split_once('-'))
        else {
            return Self::Whole;
        };
        let (start, end) = match (first.parse::<u64>(), last.parse::<u64>()) {
            (Ok(start), Ok(last)) if start <= last => (start, size.min(last.saturating_add(1))),
            (Ok(start), Err(_)) if last.is_empty() => (start, size),
            // The last so many bytes.
            (Err(_), Ok(count)) if first.is_empty() => (size.saturating_sub(count), size),
            _ => return Self::Whole,
        };
        match end.checked_sub(start) {
            Some(length) if length > 0 => Self::Part { start, length },
            _ => Self::Outside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_select_what_the_rfc_says() {
        let part = |start, length| ByteRange::Part { start, length };
        for (text, selected) in [
            ("bytes=0-", part(0, 10)),
            ("bytes=3-5", part(3, 3)),
            ("bytes=3-99", part(3, 7)),
            ("bytes=-4", part(6, 4)),
            ("bytes=-99", part(0, 10)),
            ("bytes=9-18446744073709551615", part(9, 1)),
            ("bytes=10-", ByteRange::Outside),
            ("bytes=-0", ByteRange::Outside),
            ("bytes=5-3", ByteRange::Whole),
            ("bytes=0-1,3-4", ByteRange::Whole),
            ("lines=1-2", ByteRange::Whole),
        ] {
            assert_eq!(ByteRange::parse(text, 10), selected, "{text}");
        }
        assert_eq!(ByteRange::parse("bytes=0-", 0), ByteRange::Outside);
    }
}

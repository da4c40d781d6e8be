//! Pushing blobs (distribution-spec "Pushing blobs"): at once, in chunks, or by mounting.
//!
//! Invariant: every answer about a session has its location and the bytes received.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};

use super::blobs::DOCKER_CONTENT_DIGEST;
use crate::{
    oci::{Digest, Repository},
    serve::{
        errors::{ErrorCode, ErrorResponse},
        paths::{self, Query},
        responses::empty,
        service::Service,
        upload::{Upload, UploadError},
    },
};

const DOCKER_UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");

pub(super) async fn open(
    service: &Service,
    repository: Repository,
    query: &Query<'_>,
    body: &mut Body,
) -> Result<Response, ErrorResponse> {
    let mount = query
        .get("mount")
        .and_then(|digest| digest.parse::<Digest>().ok());
    let from = query.get("from").and_then(|from| from.parse().ok());
    if let (Some(digest), Some(from)) = (mount, from) {
        let (to, mounted) = (repository.clone(), digest.clone());
        if service
            .on_disk(move |store| store.mount_blob(&from, &to, &mounted))
            .await?
        {
            return created(&repository, &digest);
        }
    }
    let digest = query.get("digest").map(paths::digest).transpose()?;
    let upload = service.uploads.open(&repository).map_err(refused)?;
    let Some(digest) = digest else {
        return session(StatusCode::ACCEPTED, &repository, &upload);
    };
    let done = match upload.append(None, None, body).await {
        Ok(_) => service.uploads.finish(&upload, &digest).await,
        Err(error) => Err(error),
    };
    // The client does not know this session, so it cannot continue it.
    service.uploads.cancel(&repository, &upload.id);
    done.map_err(|error| refused_in(error, &repository, &upload))?;
    created(&repository, &digest)
}

pub(super) fn status(
    service: &Service,
    repository: &Repository,
    id: &str,
) -> Result<Response, ErrorResponse> {
    let upload = service.uploads.find(repository, id).ok_or_else(unknown)?;
    session(StatusCode::NO_CONTENT, repository, &upload)
}

pub(super) async fn append(
    service: &Service,
    repository: &Repository,
    id: &str,
    request: &Parts,
    body: &mut Body,
) -> Result<Response, ErrorResponse> {
    let upload = service.uploads.find(repository, id).ok_or_else(unknown)?;
    append_body(service, &upload, repository, &request.headers, body).await?;
    session(StatusCode::ACCEPTED, repository, &upload)
}

pub(super) async fn finish(
    service: &Service,
    repository: &Repository,
    id: &str,
    request: &Parts,
    body: &mut Body,
) -> Result<Response, ErrorResponse> {
    let upload = service.uploads.find(repository, id).ok_or_else(unknown)?;
    let query = Query::of(&request.uri);
    let digest = paths::digest(query.get("digest").unwrap_or_default())?;
    append_body(service, &upload, repository, &request.headers, body).await?;
    service
        .uploads
        .finish(&upload, &digest)
        .await
        .map_err(|error| refused_in(error, repository, &upload))?;
    created(repository, &digest)
}

pub(super) fn cancel(
    service: &Service,
    repository: &Repository,
    id: &str,
) -> Result<Response, ErrorResponse> {
    match service.uploads.cancel(repository, id) {
        true => empty(StatusCode::NO_CONTENT, []),
        false => Err(unknown()),
    }
}

async fn append_body(
    service: &Service,
    upload: &Upload,
    repository: &Repository,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<(), ErrorResponse> {
    let (start, length) = match headers.get(header::CONTENT_RANGE) {
        Some(range) => {
            let (start, length) = content_range(range).ok_or_else(|| {
                ErrorResponse::new(
                    ErrorCode::BlobUploadInvalid,
                    "a chunk's Content-Range is FIRST-LAST",
                )
            })?;
            (Some(start), Some(length))
        }
        None => (None, None),
    };
    let taken = upload.append(start, length, body).await;
    // After a failed write the state of the file is unknown, and a blob that is too large stays so.
    if matches!(
        taken,
        Err(UploadError::Disk(_) | UploadError::Length | UploadError::TooLarge(_))
    ) {
        service.uploads.cancel(repository, &upload.id);
    }
    taken
        .map(drop)
        .map_err(|error| refused_in(error, repository, upload))
}

/// The first byte and the length of a chunk. The spec writes `0-9`, some clients `bytes 0-9/10`.
fn content_range(value: &HeaderValue) -> Option<(u64, u64)> {
    let text = value.to_str().ok()?.trim();
    let text = text.strip_prefix("bytes ").unwrap_or(text);
    let (first, last) = text.split('/').next()?.split_once('-')?;
    let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
    let length = last.checked_sub(first)?.checked_add(1)?;
    Some((first, length))
}

/// The refusal; with the location and range of the session if the client can continue it.
fn refused_in(error: UploadError, repository: &Repository, upload: &Upload) -> ErrorResponse {
    let refusal = refused(error);
    match refusal.code {
        ErrorCode::RangeInvalid => refusal
            .with(header::LOCATION, &location(repository, upload))
            .with(header::RANGE, &range(upload))
            .with(DOCKER_UPLOAD_UUID, &upload.id),
        _ => refusal,
    }
}

fn refused(error: UploadError) -> ErrorResponse {
    let code = match &error {
        UploadError::OutOfOrder(_) => ErrorCode::RangeInvalid,
        UploadError::Length => ErrorCode::SizeInvalid,
        UploadError::Digest(_) => ErrorCode::DigestInvalid,
        UploadError::TakenOver | UploadError::Cut => ErrorCode::BlobUploadInvalid,
        UploadError::Stalled(_) => ErrorCode::BodyStalled,
        // Not 413: clients answer that with smaller chunks.
        UploadError::TooLarge(_) => ErrorCode::Denied,
        UploadError::TooMany => ErrorCode::TooManyRequests,
        UploadError::Ended => ErrorCode::BlobUploadUnknown,
        UploadError::Disk(error) => return ErrorResponse::from_disk(error),
    };
    ErrorResponse::new(code, error.to_string())
}

fn unknown() -> ErrorResponse {
    ErrorResponse::new(
        ErrorCode::BlobUploadUnknown,
        "this upload is unknown: it ended, was cancelled, or belongs to another process",
    )
}

fn created(repository: &Repository, digest: &Digest) -> Result<Response, ErrorResponse> {
    empty(
        StatusCode::CREATED,
        [
            (header::LOCATION, format!("/v2/{repository}/blobs/{digest}")),
            (DOCKER_CONTENT_DIGEST, digest.to_string()),
        ],
    )
}

fn session(
    status: StatusCode,
    repository: &Repository,
    upload: &Upload,
) -> Result<Response, ErrorResponse> {
    empty(
        status,
        [
            (header::LOCATION, location(repository, upload)),
            (header::RANGE, range(upload)),
            (DOCKER_UPLOAD_UUID, upload.id.clone()),
        ],
    )
}

fn location(repository: &Repository, upload: &Upload) -> String {
    format!("/v2/{repository}/blobs/uploads/{}", upload.id)
}

/// Both ends inclusive; an empty session is `0-0` too, as in the reference implementation.
fn range(upload: &Upload) -> String {
    format!("0-{}", upload.received().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_says_where_it_starts_and_how_long_it_is() {
        let read = |text: &'static str| content_range(&HeaderValue::from_static(text));
        assert_eq!(read("0-9"), Some((0, 10)));
        assert_eq!(read("bytes 10-10/11"), Some((10, 1)));
        for wrong in ["", "9", "9-0", "a-b", "-5", "0-18446744073709551615"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}

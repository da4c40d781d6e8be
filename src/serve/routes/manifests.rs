//! Reads, checks, stores and deletes manifests.
//!
//! Invariant: unless [`MissingContent::Allowed`], a manifest is stored only if the repository holds the content it
//! names.

use axum::{
    body::Body,
    http::{HeaderName, Response as HttpResponse, StatusCode, header, request::Parts},
    response::Response,
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::blobs::DOCKER_CONTENT_DIGEST;
use crate::{
    oci::{Digest, Manifest, MediaType, Repository, Version},
    serve::{
        errors::{ErrorCode, ErrorResponse},
        options::MissingContent,
        responses::empty,
        service::Service,
        slow_client::Stalled,
        store::Store,
    },
};

const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// The spec requires at least this; the reference implementation accepts no more.
const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;

pub(super) async fn get(
    service: &Service,
    repository: Repository,
    version: Version,
) -> Result<Response, ErrorResponse> {
    let found = service.on_disk(move |store| store.manifest(&repository, &version));
    let manifest = found.await?.ok_or_else(unknown)?;
    HttpResponse::builder()
        .header(header::CONTENT_TYPE, manifest.media_type.as_str())
        .header(header::ETAG, format!("\"{}\"", manifest.digest))
        .header(DOCKER_CONTENT_DIGEST, manifest.digest.to_string())
        .body(Body::from(manifest.bytes))
        .map_err(|error| ErrorResponse::new(ErrorCode::Unknown, error.to_string()))
}

pub(super) async fn put(
    service: &Service,
    repository: Repository,
    version: Version,
    request: &Parts,
    body: &mut Body,
) -> Result<Response, ErrorResponse> {
    let bytes = read(body).await?;
    let digest = match &version {
        Version::Tag(_) => Digest::of(&bytes),
        Version::Digest(expected) => verified(expected, &bytes)?,
    };
    let content_type = request
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|content_type| content_type.to_str().ok());
    let manifest = Manifest::parse_as(bytes, digest, content_type)
        .map_err(|error| ErrorResponse::new(ErrorCode::ManifestInvalid, error.to_string()))?;
    if content_type.is_some_and(|sent| MediaType::new(sent) != manifest.media_type) {
        return Err(ErrorResponse::new(
            ErrorCode::ManifestInvalid,
            "Content-Type and mediaType disagree",
        ));
    }
    let location = format!("/v2/{repository}/manifests/{}", manifest.digest);
    let digest = manifest.digest.to_string();
    let subject = manifest
        .subject
        .as_ref()
        .map(|subject| subject.digest.to_string());
    let missing_content = service.missing_content;
    let missing = service.on_disk(move |store| {
        let missing = match missing_content {
            MissingContent::Refused => missing(&store, &repository, &manifest),
            MissingContent::Allowed => None,
        };
        if missing.is_none() {
            store.write_manifest(
                &repository,
                &manifest.digest,
                &manifest.media_type,
                &manifest.raw,
            )?;
            if let Version::Tag(tag) = &version {
                store.write_tag(&repository, tag, &manifest.digest)?;
            }
        }
        Ok(missing)
    });
    if let Some(missing) = missing.await? {
        return Err(ErrorResponse::new(
            ErrorCode::ManifestBlobUnknown,
            format!("this repository does not hold {missing}"),
        ));
    }
    let mut response = empty(
        StatusCode::CREATED,
        [
            (header::LOCATION, location),
            (DOCKER_CONTENT_DIGEST, digest),
        ],
    )?;
    if let Some(subject) = subject.and_then(|subject| subject.parse().ok()) {
        response.headers_mut().insert(OCI_SUBJECT, subject);
    }
    Ok(response)
}

pub(super) async fn delete(
    service: &Service,
    repository: Repository,
    version: Version,
) -> Result<Response, ErrorResponse> {
    let deleted = service.on_disk(move |store| match version {
        Version::Tag(tag) => store.delete_tag(&repository, &tag),
        Version::Digest(digest) => store.delete_manifest(&repository, &digest),
    });
    match deleted.await? {
        true => empty(StatusCode::ACCEPTED, []),
        false => Err(unknown()),
    }
}

/// The first digest in the manifest that the repository does not hold.
fn missing(store: &Store, repository: &Repository, manifest: &Manifest) -> Option<Digest> {
    // Build caches have blobs in an index; foreign layers are downloaded from other servers.
    let child = manifest
        .children()
        .iter()
        .map(|child| &child.digest)
        .find(|digest| {
            !store.has_manifest(repository, digest) && !store.has_blob(repository, digest)
        });
    let blob = || {
        manifest
            .blobs()
            .filter(|blob| !blob.media_type.is_foreign_layer() && blob.urls.is_empty())
            .map(|blob| &blob.digest)
            .find(|digest| !store.has_blob(repository, digest))
    };
    child.or_else(blob).cloned()
}

fn verified(expected: &Digest, bytes: &[u8]) -> Result<Digest, ErrorResponse> {
    let mut hasher = expected.hasher();
    hasher.update(bytes);
    let actual = hasher.finish();
    if actual != *expected {
        let message = format!("the manifest has the digest {actual}");
        return Err(ErrorResponse::new(ErrorCode::DigestInvalid, message));
    }
    Ok(actual)
}

async fn read(body: &mut Body) -> Result<Bytes, ErrorResponse> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match Stalled::find(&error) {
            Some(stalled) => ErrorResponse::new(ErrorCode::BodyStalled, stalled.to_string()),
            None => ErrorResponse::new(ErrorCode::ManifestInvalid, "the request body ended early"),
        })?;
        if let Ok(piece) = frame.into_data() {
            if bytes.len() + piece.len() > MAX_MANIFEST_BYTES {
                return Err(ErrorResponse::new(
                    ErrorCode::ManifestTooLarge,
                    "a manifest has at most 4 MiB",
                ));
            }
            bytes.extend_from_slice(&piece);
        }
    }
    Ok(bytes.freeze())
}

fn unknown() -> ErrorResponse {
    ErrorResponse::new(
        ErrorCode::ManifestUnknown,
        "this repository does not hold the manifest",
    )
}

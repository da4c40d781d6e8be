//! Manifests: look up, read, write, delete (distribution-spec "Pulling/Pushing/Deleting Manifests").
//!
//! Invariant: a manifest read by digest has that digest, and one written is answered with its own.

use reqwest::{
    Method, Response,
    header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue},
};
use url::Url;

use super::{
    Client, Error, ErrorCause, Operation,
    auth::Scopes,
    transmission::{Call, CallBody},
};
use crate::oci::{Digest, Manifest, MediaType, Repository, Version};

const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
/// Registries cap pushes at 4 MiB (distribution-spec "Pushing Manifests"); reading allows some more.
const LARGEST_MANIFEST: usize = 8 * 1024 * 1024;

/// What a registry says of a manifest without sending it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestHead {
    pub digest: Digest,
    pub media_type: Option<MediaType>,
}

/// What a registry said to a written manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Whether the registry lists it among its subject's referrers by itself
    /// (distribution-spec "Pushing Manifests with Subject").
    pub lists_subject: bool,
}

impl Client {
    /// The manifest's digest, or `None` if there is no such manifest. One HEAD; registries that leave
    /// the digest out are asked for the manifest itself (quirk 28).
    pub async fn manifest_head(
        &self,
        repository: &Repository,
        version: &Version,
    ) -> Result<Option<ManifestHead>, Error> {
        let call = self.manifest_call(Operation::HeadManifest, Method::HEAD, repository, version);
        let response = match self.send(call).await {
            Ok(response) => response,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let media_type = text_header(&response, &CONTENT_TYPE).map(MediaType::new);
        match header_digest(&response) {
            Some(digest) => Ok(Some(ManifestHead { digest, media_type })),
            None => match self.manifest(repository, version).await {
                Ok(manifest) => Ok(Some(ManifestHead {
                    digest: manifest.digest,
                    media_type: Some(manifest.media_type),
                })),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error),
            },
        }
    }

    /// The manifest, byte-exact, its digest computed here.
    pub async fn manifest(
        &self,
        repository: &Repository,
        version: &Version,
    ) -> Result<Manifest, Error> {
        let operation = Operation::GetManifest;
        let call = self.manifest_call(operation, Method::GET, repository, version);
        let url = call.url.clone();
        let response = self.send(call).await?;
        let content_type = text_header(&response, &CONTENT_TYPE).map(str::to_owned);
        let raw = self
            .read_body(operation, &url, response, LARGEST_MANIFEST)
            .await?;
        let fail = |cause| self.error(operation, Some(&url), cause);
        let digest = match version {
            Version::Tag(_) => Digest::of(&raw),
            Version::Digest(expected) => {
                let mut hasher = expected.hasher();
                hasher.update(&raw);
                let got = hasher.finish();
                if got != *expected {
                    return Err(fail(ErrorCause::Digest {
                        expected: expected.clone(),
                        got,
                    }));
                }
                got
            }
        };
        Manifest::parse_as(raw, digest, content_type.as_deref()).map_err(|error| fail(error.into()))
    }

    /// Writes the manifest under `version`; the registry has to answer with its digest or none, or
    /// else to have it all the same.
    pub async fn put_manifest(
        &self,
        repository: &Repository,
        version: &Version,
        manifest: &Manifest,
    ) -> Result<Written, Error> {
        let operation = Operation::PutManifest;
        let url = self.manifest_url(repository, version);
        let content_type = HeaderValue::from_str(manifest.media_type.as_str())
            .map_err(|_| self.protocol(operation, &url, "the media type is not text"))?;
        let call = Call::new(
            operation,
            Method::PUT,
            url.clone(),
            Scopes::push(repository),
        )
        .header(CONTENT_TYPE, content_type)
        .body(CallBody::Bytes(manifest.raw.clone()));
        let response = self.send(call).await?;
        // A registry or proxy that answers 200 to everything has stored nothing (quirk 48).
        let status = response.status().as_u16();
        let answered = header_digest(&response);
        let written = Written {
            lists_subject: response.headers().contains_key(OCI_SUBJECT),
        };
        match (status, answered) {
            (_, Some(got))
                if got.algorithm() == manifest.digest.algorithm() && got != manifest.digest =>
            {
                // Some write a wrong header (quirk 28): the bytes they have decide.
                let there = self.manifest(repository, version).await?;
                if there.raw == manifest.raw {
                    return Ok(written);
                }
                let cause = ErrorCause::Digest {
                    expected: manifest.digest.clone(),
                    got: there.digest,
                };
                Err(self.error(operation, Some(&url), cause))
            }
            (201, _) | (200 | 202, Some(_)) => Ok(written),
            (status, _) => {
                let text = format!("{status} instead of 201 to a written manifest");
                Err(self.protocol(operation, &url, text))
            }
        }
    }

    /// Deletes a manifest by digest, or a tag.
    pub async fn delete_manifest(
        &self,
        repository: &Repository,
        version: &Version,
    ) -> Result<(), Error> {
        let url = self.manifest_url(repository, version);
        let scopes = Scopes::delete(repository);
        self.send(Call::new(
            Operation::DeleteManifest,
            Method::DELETE,
            url,
            scopes,
        ))
        .await?;
        Ok(())
    }

    fn manifest_url(&self, repository: &Repository, version: &Version) -> Url {
        self.repository_url(repository, &format!("manifests/{version}"))
    }

    fn manifest_call(
        &self,
        operation: Operation,
        method: Method,
        repository: &Repository,
        version: &Version,
    ) -> Call {
        let url = self.manifest_url(repository, version);
        let mut call = Call::new(operation, method, url, Scopes::pull(repository));
        for media_type in MediaType::MANIFESTS {
            call = call.header(ACCEPT, HeaderValue::from_static(media_type));
        }
        call
    }
}

fn text_header<'a>(response: &'a Response, name: &HeaderName) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

fn header_digest(response: &Response) -> Option<Digest> {
    text_header(response, &DOCKER_CONTENT_DIGEST)?.parse().ok()
}

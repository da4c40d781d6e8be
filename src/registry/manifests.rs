//! Manifests: look up, read, write, delete (distribution-spec "Pulling/Pushing/Deleting Manifests").
//!
//! Invariant: a manifest read by digest has that digest and at most its declared size, and one written is
//! answered with its own.

use bytes::Bytes;
use reqwest::{
    Method, Response,
    header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue},
};
use url::Url;

use super::{
    Client, Error, ErrorCause, ImageBudget, LARGEST_MANIFEST, Operation, OverBudget,
    auth::Scopes,
    http::{Request, RequestBody},
    image_budget::Charge,
};
use crate::oci::{Descriptor, Digest, Manifest, MediaType, Repository, Version};

const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// How often a manifest is written again whose digest the registry disputes: another batch that writes the same one
/// at that moment is soon done (quirk 53).
const MAX_DISPUTES: u32 = 3;

/// What a registry says of a manifest without sending it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestHead {
    pub digest: Digest,
    pub media_type: Option<MediaType>,
}

/// What a registry said to a written manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PutManifest {
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

    /// The manifest, byte-exact, its digest computed here. For one that stands alone; what belongs to an
    /// image is read within its budget.
    pub async fn manifest(
        &self,
        repository: &Repository,
        version: &Version,
    ) -> Result<Manifest, Error> {
        let budget = ImageBudget::new(|| ());
        self.manifest_within(repository, version, &budget).await
    }

    /// As [`manifest`](Self::manifest), charged to `budget` while it is read.
    pub async fn manifest_within(
        &self,
        repository: &Repository,
        version: &Version,
        budget: &ImageBudget<'_>,
    ) -> Result<Manifest, Error> {
        let operation = Operation::GetManifest;
        let url = self.manifest_url(repository, version);
        loop {
            let (response, content_type) = self.get_manifest(repository, version).await?;
            let body = self
                .read_body_within(operation, &url, response, LARGEST_MANIFEST, budget)
                .await?;
            if let Some(raw) = body {
                let over = |over: OverBudget| self.error(operation, Some(&url), over.into());
                budget.add_manifest().map_err(over)?;
                return self.parse_manifest(&url, version, raw, content_type.as_deref());
            }
            budget.enlarge().await;
        }
    }

    /// The manifest that `described` describes; it was charged to a budget. A longer one is corrupt.
    pub async fn described_manifest(
        &self,
        repository: &Repository,
        described: &Descriptor,
    ) -> Result<Manifest, Error> {
        let operation = Operation::GetManifest;
        let version = Version::Digest(described.digest.clone());
        let url = self.manifest_url(repository, &version);
        let declared = described.size;
        if declared > LARGEST_MANIFEST {
            return Err(self.too_large(operation, &url, LARGEST_MANIFEST));
        }
        let (response, content_type) = self.get_manifest(repository, &version).await?;
        let keep = |body: usize| match body as u64 > declared {
            true => Err(ErrorCause::LongerThanDeclared { declared }),
            false => Ok(()),
        };
        let raw = self
            .read_body_while(operation, &url, response, keep)
            .await?;
        self.parse_manifest(&url, &version, raw, content_type.as_deref())
    }

    /// The body, charged to `budget` while it is read; `None` if the image has to wait before it may have it.
    pub(super) async fn read_body_within(
        &self,
        operation: Operation,
        url: &Url,
        response: Response,
        limit: u64,
        budget: &ImageBudget<'_>,
    ) -> Result<Option<Bytes>, Error> {
        let (mut reading, mut length, mut crowded) = (budget.reading(), 0, false);
        let keep = |body: usize| {
            if body as u64 > limit {
                return Err(too_large(limit));
            }
            let more = body - std::mem::replace(&mut length, body);
            match reading.add(more as u64)? {
                Charge::Taken => Ok(()),
                Charge::Crowded => {
                    crowded = true;
                    Err(ErrorCause::Protocol("it has to wait".into()))
                }
            }
        };
        match self.read_body_while(operation, url, response, keep).await {
            Ok(body) => {
                reading.keep();
                Ok(Some(body))
            }
            Err(_) if crowded => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn get_manifest(
        &self,
        repository: &Repository,
        version: &Version,
    ) -> Result<(Response, Option<String>), Error> {
        let call = self.manifest_call(Operation::GetManifest, Method::GET, repository, version);
        let response = self.send(call).await?;
        let content_type = text_header(&response, &CONTENT_TYPE).map(str::to_owned);
        Ok((response, content_type))
    }

    fn parse_manifest(
        &self,
        url: &Url,
        version: &Version,
        raw: Bytes,
        content_type: Option<&str>,
    ) -> Result<Manifest, Error> {
        let fail = |cause| self.error(Operation::GetManifest, Some(url), cause);
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
        Manifest::parse_as(raw, digest, content_type).map_err(|error| fail(error.into()))
    }

    /// Charges what an index names to `budget`, before any of it is read.
    pub async fn admit_manifests<'d>(
        &self,
        budget: &ImageBudget<'_>,
        described: impl IntoIterator<Item = &'d Descriptor>,
    ) -> Result<(), Error> {
        let over = |over: OverBudget| self.error(Operation::GetManifest, None, over.into());
        budget.add_manifests(described).await.map_err(over)
    }

    /// Charges blobs that a manifest names to `budget`.
    pub fn admit_blobs<'d>(
        &self,
        budget: &ImageBudget<'_>,
        blobs: impl IntoIterator<Item = &'d Descriptor>,
    ) -> Result<(), Error> {
        let over = |over: OverBudget| self.error(Operation::GetManifest, None, over.into());
        budget.add_blobs(blobs).map_err(over)
    }

    fn too_large(&self, operation: Operation, url: &Url, limit: u64) -> Error {
        self.error(operation, Some(url), too_large(limit))
    }

    /// Writes the manifest under `version`; the registry has to answer with its digest or none, or
    /// else to have it all the same.
    pub async fn put_manifest(
        &self,
        repository: &Repository,
        version: &Version,
        manifest: &Manifest,
    ) -> Result<PutManifest, Error> {
        let operation = Operation::PutManifest;
        let url = self.manifest_url(repository, version);
        let content_type = HeaderValue::from_str(manifest.media_type.as_str())
            .map_err(|_| self.protocol(operation, &url, "the media type is not text"))?;
        let mut disputes = 0;
        let response = loop {
            let scopes = Scopes::push(repository);
            let call = Request::new(operation, Method::PUT, url.clone(), scopes)
                .header(CONTENT_TYPE, content_type.clone())
                .body(RequestBody::Bytes(manifest.raw.clone()));
            match self.send(call).await {
                Err(error) if disputes < MAX_DISPUTES && error.disputes_digest() => {
                    disputes += 1;
                    // At random, so that two batches do not meet again.
                    let pause = rand::random_range(0.5..1.5) * f64::from(disputes);
                    tokio::time::sleep(self.timeouts().resume_delay.mul_f64(pause)).await;
                }
                sent => break sent?,
            }
        };
        // A registry or proxy that answers 200 to everything has stored nothing (quirk 48).
        let status = response.status().as_u16();
        let answered = header_digest(&response);
        let written = PutManifest {
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
        self.send(Request::new(
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
    ) -> Request {
        let url = self.manifest_url(repository, version);
        let mut call = Request::new(operation, method, url, Scopes::pull(repository));
        for media_type in MediaType::MANIFESTS {
            call = call.header(ACCEPT, HeaderValue::from_static(media_type));
        }
        call
    }
}

fn too_large(limit: u64) -> ErrorCause {
    ErrorCause::TooLong(limit)
}

fn text_header<'a>(response: &'a Response, name: &HeaderName) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

fn header_digest(response: &Response) -> Option<Digest> {
    text_header(response, &DOCKER_CONTENT_DIGEST)?.parse().ok()
}

//! Manifests: look up, read, write, delete (distribution-spec "Pulling/Pushing/Deleting Manifests").
//!
//! Decides when a written manifest counts as stored. Invariant: a manifest read by digest has that digest and at most
//! its declared size.

use bytes::Bytes;
use reqwest::{
    Method, Response,
    header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue},
};
use url::Url;

use super::{
    Client, Error, ErrorCause, ImageBudget, MAX_MANIFEST_BYTES, Operation,
    auth::Scopes,
    body_reader::BodyReader,
    chain::{Request, RequestBody},
    image_budget::Charge,
};
use crate::oci::{Descriptor, Digest, Manifest, MediaType, Repository, Version};

const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// How often a manifest is written again if the registry says that its digest is wrong: another batch writes the same
/// manifest at that moment (quirk 53, see registry/quirks.md).
const MAX_DISPUTES: u32 = 3;

/// What a registry answers to a HEAD for a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestHead {
    pub digest: Digest,
    pub media_type: Option<MediaType>,
}

/// What a registry answers to a written manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PutManifest {
    /// Whether the registry lists it among its subject's referrers by itself
    /// (distribution-spec "Pushing Manifests with Subject").
    pub lists_subject: bool,
}

impl Client {
    /// The manifest's digest, or `None` if there is no such manifest. One HEAD; if the answer has no digest, the
    /// manifest is read (quirk 28).
    pub async fn manifest_head(
        &self,
        repository: &Repository,
        version: &Version,
    ) -> Result<Option<ManifestHead>, Error> {
        let request =
            self.manifest_request(Operation::HeadManifest, Method::HEAD, repository, version);
        let response = match self.send(request).await {
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

    /// The manifest, byte-exact, with its digest computed here. Not charged to the budget of an image.
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
            let fail = |cause| self.error(operation, Some(&url), cause);
            let body = BodyReader::new(response, self.timeouts());
            let body = body.read_within(MAX_MANIFEST_BYTES, budget).await;
            if let Some(raw) = body.map_err(fail)? {
                budget.add_manifest().map_err(|over| fail(over.into()))?;
                return self.parse_manifest(&url, version, raw, content_type.as_deref());
            }
            budget.enlarge().await;
        }
    }

    /// The manifest of a descriptor that was charged to a budget before. A longer manifest is corrupt.
    pub async fn described_manifest(
        &self,
        repository: &Repository,
        described: &Descriptor,
    ) -> Result<Manifest, Error> {
        let operation = Operation::GetManifest;
        let version = Version::Digest(described.digest.clone());
        let url = self.manifest_url(repository, &version);
        let fail = |cause| self.error(operation, Some(&url), cause);
        let declared = described.size;
        if declared > MAX_MANIFEST_BYTES {
            return Err(fail(ErrorCause::TooLong(MAX_MANIFEST_BYTES)));
        }
        let (response, content_type) = self.get_manifest(repository, &version).await?;
        let admit = |body: usize| match body as u64 > declared {
            true => Err(ErrorCause::LongerThanDeclared { declared }),
            false => Ok(Charge::Taken),
        };
        let body = BodyReader::new(response, self.timeouts());
        let raw = body
            .read_all(admit)
            .await
            .map_err(fail)?
            .unwrap_or_default();
        self.parse_manifest(&url, &version, raw, content_type.as_deref())
    }

    async fn get_manifest(
        &self,
        repository: &Repository,
        version: &Version,
    ) -> Result<(Response, Option<String>), Error> {
        let request =
            self.manifest_request(Operation::GetManifest, Method::GET, repository, version);
        let response = self.send(request).await?;
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

    /// Writes the manifest under `version`. If the registry answers with another digest, the manifest is read back.
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
            let request = self
                .request(operation, Method::PUT, url.clone(), scopes)
                .header(CONTENT_TYPE, content_type.clone())
                .body(RequestBody::Bytes(manifest.raw.clone()));
            match self.send(request).await {
                Err(error) if disputes < MAX_DISPUTES && error.disputes_digest() => {
                    disputes += 1;
                    // Random, so that two batches do not collide again.
                    let pause = rand::random_range(0.5..1.5) * f64::from(disputes);
                    tokio::time::sleep(self.timeouts().resume_delay.mul_f64(pause)).await;
                }
                sent => break sent?,
            }
        };
        // A proxy may answer 200 to everything and store nothing (quirk 48).
        let status = response.status().as_u16();
        let answered = header_digest(&response);
        let written = PutManifest {
            lists_subject: response.headers().contains_key(OCI_SUBJECT),
        };
        match (status, answered) {
            (_, Some(got))
                if got.algorithm() == manifest.digest.algorithm() && got != manifest.digest =>
            {
                // Some registries send a wrong header (quirk 28), so compare the bytes.
                let stored = self.manifest(repository, version).await?;
                if stored.raw == manifest.raw {
                    return Ok(written);
                }
                let cause = ErrorCause::Digest {
                    expected: manifest.digest.clone(),
                    got: stored.digest,
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
        let request = self.request(Operation::DeleteManifest, Method::DELETE, url, scopes);
        self.send(request).await.map(drop)
    }

    fn manifest_url(&self, repository: &Repository, version: &Version) -> Url {
        self.repository_url(repository, &format!("manifests/{version}"))
    }

    fn manifest_request(
        &self,
        operation: Operation,
        method: Method,
        repository: &Repository,
        version: &Version,
    ) -> Request {
        let url = self.manifest_url(repository, version);
        let mut request = self.request(operation, method, url, Scopes::pull(repository));
        for media_type in MediaType::MANIFESTS {
            request = request.header(ACCEPT, HeaderValue::from_static(media_type));
        }
        request
    }
}

fn text_header<'a>(response: &'a Response, name: &HeaderName) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

fn header_digest(response: &Response) -> Option<Digest> {
    text_header(response, &DOCKER_CONTENT_DIGEST)?.parse().ok()
}

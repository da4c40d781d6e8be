//! Referrers: the manifests that name another one as their `subject` (distribution-spec "Listing
//! Referrers", "Referrers Tag Schema", "Pushing Manifests with Subject").
//!
//! Decides whether the registry has such a list, and how an index under the fallback tag grows. Invariants: a refused
//! request is never an empty list. An existing index keeps all its entries and fields.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Client, Error, ErrorCause, ImageBudget, Operation, auth::Scopes, pages::Pages};
use crate::oci::{
    Attachments, Descriptor, Digest, Manifest, MediaType, Repository, Version, listed_descriptors,
};

/// A 500 may be temporary, or mean that the registry has no such list (quirk 45, see registry/quirks.md).
const MAX_ATTEMPTS_AT_500: usize = 3;

/// The answer of the referrers API. The fallback tag is not read.
#[derive(Debug)]
pub enum ReferrersApi {
    Listed(Vec<Descriptor>),
    /// The registry has no referrers API. There may be an index under the fallback tag.
    Missing,
    /// The registry refused this request, which says nothing about other manifests.
    Refused(Error),
}

impl Client {
    /// The manifests that refer to `subject`, as the registry lists them. Charged to `budget`, that of the image with
    /// `subject`.
    ///
    /// # Errors
    /// Failures that may be temporary, and unreadable lists. A missing list is no error.
    pub async fn referrers_api(
        &self,
        repository: &Repository,
        subject: &Digest,
        budget: &ImageBudget<'_>,
    ) -> Result<ReferrersApi, Error> {
        let mut attempts = 0;
        loop {
            let error = match self.list_referrers(repository, subject, budget).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            attempts += 1;
            return match error.status() {
                Some(400 | 404 | 405 | 406 | 410 | 415 | 501) => Ok(ReferrersApi::Missing),
                Some(500) if attempts < MAX_ATTEMPTS_AT_500 => continue,
                Some(403 | 500) => Ok(ReferrersApi::Refused(error)),
                _ => Err(error),
            };
        }
    }

    async fn list_referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
        budget: &ImageBudget<'_>,
    ) -> Result<ReferrersApi, Error> {
        let url = self.repository_url(repository, &format!("referrers/{subject}"));
        let scopes = Scopes::pull(repository);
        let mut pages = Pages::new(self, Operation::ListReferrers, url, scopes)
            .accept(MediaType::OCI_INDEX)
            .within(budget);
        let mut all = Vec::new();
        while let Some(page) = pages.next().await? {
            // Some registries answer with a web page and status 200 (quirk 45).
            if page.media_type.as_ref().map(MediaType::as_str) != Some(MediaType::OCI_INDEX) {
                return Ok(ReferrersApi::Missing);
            }
            all.extend(pages.parse(&page, listed_descriptors)?);
        }
        Ok(ReferrersApi::Listed(all))
    }

    /// Adds `referrers` to the index under the fallback tag of `subject`, for a registry that does not list them itself.
    /// Reads, changes and writes, so it must not be called concurrently for one subject (quirk 46).
    pub async fn add_to_fallback_index(
        &self,
        repository: &Repository,
        subject: &Digest,
        referrers: &[Descriptor],
    ) -> Result<(), Error> {
        let Some(tag) = Attachments::fallback_tag(subject) else {
            return Ok(());
        };
        let version = Version::Tag(tag.clone());
        let existing = match self.manifest(repository, &version).await {
            Ok(index) => Some(index),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        let fail = |cause| {
            let url = self.repository_url(repository, &format!("manifests/{version}"));
            self.error(Operation::PutManifest, Some(&url), cause)
        };
        let Some(raw) = with_referrers(existing.as_ref(), referrers) else {
            return Ok(());
        };
        let raw = raw.map_err(|NotAnIndex| fail(ErrorCause::FallbackTaken(tag)))?;
        let index = Manifest::parse(raw.into(), Some(MediaType::OCI_INDEX))
            .map_err(|error| fail(error.into()))?;
        self.put_manifest(repository, &version, &index)
            .await
            .map(drop)
    }
}

/// The manifest is not an index, so nothing can be added to it.
#[derive(Debug)]
struct NotAnIndex;

/// The index with `referrers` added; `None` if it has all of them.
fn with_referrers(
    existing: Option<&Manifest>,
    referrers: &[Descriptor],
) -> Option<Result<Vec<u8>, NotAnIndex>> {
    let mut index = match existing {
        None => json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": []}),
        Some(manifest) if manifest.media_type.is_index() => {
            serde_json::from_slice(&manifest.raw).unwrap_or_default()
        }
        Some(_) => return Some(Err(NotAnIndex)),
    };
    let listed = existing.map(Manifest::children).unwrap_or_default();
    let mut added = referrers
        .iter()
        .filter(|referrer| listed.iter().all(|known| known.digest != referrer.digest))
        .peekable();
    added.peek()?;
    let Some(Value::Array(manifests)) = index.get_mut("manifests") else {
        return Some(Err(NotAnIndex));
    };
    manifests.extend(added.map(|referrer| json!(referrer)));
    Some(serde_json::to_vec(&index).map_err(|_| NotAnIndex))
}

/// The descriptor of `manifest` in a list of referrers: with its artifact type and annotations.
#[must_use]
pub fn described_as_referrer(manifest: &Manifest) -> Descriptor {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields {
        artifact_type: Option<MediaType>,
        config: Option<Config>,
        annotations: Option<BTreeMap<String, String>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        media_type: MediaType,
    }
    let fields: Fields = serde_json::from_slice(&manifest.raw).unwrap_or_default();
    let own = fields.artifact_type.filter(|own| !own.as_str().is_empty());
    Descriptor {
        media_type: manifest.media_type.clone(),
        digest: manifest.digest.clone(),
        size: manifest.raw.len() as u64,
        platform: None,
        artifact_type: own.or(fields.config.map(|config| config.media_type)),
        urls: Vec::new(),
        annotations: fields.annotations.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(of: &str) -> Manifest {
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
            "config": {"mediaType": "application/signature", "digest": Digest::of(b"{}"), "size": 2},
            "layers": [], "annotations": {"of": of},
        });
        Manifest::parse(manifest.to_string().into(), None).unwrap()
    }

    fn index(raw: Vec<u8>) -> Manifest {
        Manifest::parse(raw.into(), Some(MediaType::OCI_INDEX)).unwrap()
    }

    #[test]
    fn an_image_without_artifact_type_is_known_by_its_config() {
        let descriptor = described_as_referrer(&signature("x"));
        assert_eq!(
            descriptor.artifact_type,
            Some(MediaType::new("application/signature"))
        );
        assert_eq!(descriptor.annotations["of"], "x");
    }

    #[test]
    fn referrers_are_added_to_the_fallback_index() {
        let [one, two] = ["1", "2"].map(|of| described_as_referrer(&signature(of)));
        let first = with_referrers(None, std::slice::from_ref(&one))
            .unwrap()
            .unwrap();
        let mut odd: Value = serde_json::from_slice(&first).unwrap();
        odd["annotations"] = json!({"kept": "yes"});
        let odd = index(odd.to_string().into_bytes());
        let grown = index(
            with_referrers(Some(&odd), &[one.clone(), two])
                .unwrap()
                .unwrap(),
        );
        assert_eq!(grown.children().len(), 2);
        assert!(String::from_utf8_lossy(&grown.raw).contains("kept"));
        assert!(with_referrers(Some(&grown), &[one]).is_none());
    }

    #[test]
    fn an_image_under_the_fallback_tag_is_not_changed() {
        let referrer = described_as_referrer(&signature("1"));
        assert!(
            with_referrers(Some(&signature("2")), &[referrer])
                .unwrap()
                .is_err()
        );
    }
}

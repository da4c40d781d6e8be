//! Referrers: the manifests that refer to another one (distribution-spec "Listing Referrers").
//!
//! Invariant: a registry without the API is told apart from one where nothing refers to the manifest.

use reqwest::{
    Method,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue, LINK},
};
use serde::Deserialize;

use super::{Client, Error, Operation, auth::Scopes, client::Call, link};
use crate::oci::{Descriptor, Digest, MediaType, Repository};

const MOST_PAGES: usize = 1_000;
const LARGEST_PAGE: usize = 8 * 1024 * 1024;

#[derive(Deserialize)]
struct Page {
    manifests: Vec<Descriptor>,
}

impl Client {
    /// What refers to `subject`, or `None` where the registry has no referrers API: then the tag
    /// `sha256-…` lists them ("Referrers Tag Schema").
    pub async fn referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Option<Vec<Descriptor>>, Error> {
        let operation = Operation::ListReferrers;
        let mut all = Vec::new();
        let mut url = self.repository_url(repository, &format!("referrers/{subject}"));
        for page in 0..MOST_PAGES {
            let scopes = Scopes::pull(repository);
            let call = Call::new(operation, Method::GET, url.clone(), scopes)
                .header(ACCEPT, HeaderValue::from_static(MediaType::OCI_INDEX));
            let response = match self.send(call).await {
                Ok(response) => response,
                // How registries say that they do not know the question (quirk 45).
                Err(error) if page == 0 && is_unknown_question(error.status()) => return Ok(None),
                Err(error) => return Err(error),
            };
            let header = |name| response.headers().get(name)?.to_str().ok();
            let is_index = header(CONTENT_TYPE)
                .is_some_and(|content_type| MediaType::new(content_type).is_index());
            let link = header(LINK).map(str::to_owned);
            if !is_index && page == 0 {
                return Ok(None);
            }
            let body = self
                .read_body(operation, &url, response, LARGEST_PAGE)
                .await?;
            let Page { manifests } = serde_json::from_slice(&body)
                .map_err(|error| self.protocol(operation, &url, format!("not a list: {error}")))?;
            all.extend(manifests);
            let Some(target) = link.as_deref().and_then(link::next) else {
                return Ok(Some(all));
            };
            let next = url
                .join(target)
                .map_err(|_| self.protocol(operation, &url, "an unreadable Link"))?;
            // Quirk 35: no other host is asked in this registry's name.
            if !self.is_own(&next) || next == url {
                return Err(self.protocol(operation, &url, "its next page leads astray"));
            }
            url = next;
        }
        Err(self.protocol(operation, &url, "its pages do not end"))
    }
}

fn is_unknown_question(status: Option<u16>) -> bool {
    matches!(status, Some(400 | 404 | 405 | 406 | 500 | 501))
}

//! Tag lists and the catalog, page by page (distribution-spec "Listing Tags"; Docker's `_catalog`).
//!
//! Invariant: the number of pages is bounded, so a registry whose pages lead in circles is an error.

use reqwest::{Method, header::LINK};
use serde::Deserialize;
use url::Url;

use super::{Client, Error, Operation, auth::Scopes, client::Call, link};
use crate::oci::Repository;

/// Entries asked for per page; more is an error at ECR (quirk 8).
const PAGE: &str = "n=1000";
const MOST_PAGES: usize = 10_000;
const LARGEST_PAGE: usize = 32 * 1024 * 1024;

impl Client {
    /// All tags of a repository as the registry spells them; they may not be valid tags (quirk 26).
    pub async fn tags(&self, repository: &Repository) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Page {
            tags: Option<Vec<Option<String>>>,
        }
        let mut url = self.repository_url(repository, "tags/list");
        url.set_query(Some(PAGE));
        let scopes = Scopes::pull(repository);
        self.pages(Operation::ListTags, url, &scopes, |page: Page| {
            page.tags.unwrap_or_default()
        })
        .await
    }

    /// All repositories, where the registry lists them.
    pub async fn repositories(&self) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Page {
            repositories: Option<Vec<Option<String>>>,
        }
        let mut url = self.url("_catalog");
        url.set_query(Some(PAGE));
        let entries = |page: Page| page.repositories.unwrap_or_default();
        self.pages(
            Operation::ListRepositories,
            url,
            &Scopes::catalog(),
            entries,
        )
        .await
    }

    /// Whether the repository is known to hold nothing: the registry does not know it. One small request.
    pub async fn is_new_repository(&self, repository: &Repository) -> Result<bool, Error> {
        let mut url = self.repository_url(repository, "tags/list");
        url.set_query(Some("n=1"));
        let call = Call::new(
            Operation::ListTags,
            Method::GET,
            url,
            Scopes::push(repository),
        );
        match self.send(call).await {
            Ok(_) => Ok(false),
            Err(error) if error.is_not_found() => Ok(true),
            Err(error) => Err(error),
        }
    }

    async fn pages<P: for<'de> Deserialize<'de>>(
        &self,
        operation: Operation,
        first: Url,
        scopes: &Scopes,
        entries: impl Fn(P) -> Vec<Option<String>>,
    ) -> Result<Vec<String>, Error> {
        let mut all = Vec::new();
        let mut url = first;
        for _ in 0..MOST_PAGES {
            let call = Call::new(operation, Method::GET, url.clone(), scopes.clone());
            let response = self.send(call).await?;
            let link = response
                .headers()
                .get(LINK)
                .and_then(|link| link.to_str().ok())
                .map(str::to_owned);
            let body = self
                .read_body(operation, &url, response, LARGEST_PAGE)
                .await?;
            let page = serde_json::from_slice(&body)
                .map_err(|error| self.protocol(operation, &url, format!("not a list: {error}")))?;
            all.extend(entries(page).into_iter().flatten());
            let Some(target) = link.as_deref().and_then(link::next) else {
                return Ok(all);
            };
            let next = url
                .join(target)
                .map_err(|_| self.protocol(operation, &url, "an unreadable Link"))?;
            // A page of another host would get that host asked in this registry's name (quirk 35).
            if !self.is_own(&next) || next == url {
                return Err(self.protocol(operation, &url, "its next page leads astray"));
            }
            url = next;
        }
        Err(self.protocol(operation, &url, "its pages do not end"))
    }
}

//! Tag lists and the catalog (distribution-spec "Listing Tags"; Docker's `_catalog`).
//!
//! Invariant: names are given as the registry spells them; whether they are valid is for who uses them.

use reqwest::Method;
use serde::Deserialize;

use super::{Client, Error, Operation, auth::Scopes, pages::Pages, transmission::Call};
use crate::oci::Repository;

/// Entries asked for per page; more is an error at ECR (quirk 8).
const PAGE: &str = "n=1000";

impl Client {
    /// All tags of a repository as the registry spells them; they may not be valid tags (quirk 26).
    pub async fn tags(&self, repository: &Repository) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct List {
            tags: Option<Vec<Option<String>>>,
        }
        let mut url = self.repository_url(repository, "tags/list");
        url.set_query(Some(PAGE));
        let mut pages = Pages::new(self, Operation::ListTags, url, Scopes::pull(repository));
        let mut tags = Vec::new();
        while let Some(page) = pages.next().await? {
            let list: List = pages.read(&page)?;
            tags.extend(list.tags.into_iter().flatten().flatten());
        }
        Ok(tags)
    }

    /// All repositories, where the registry lists them.
    pub async fn repositories(&self) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct List {
            repositories: Option<Vec<Option<String>>>,
        }
        let mut url = self.url("_catalog");
        url.set_query(Some(PAGE));
        let mut pages = Pages::new(self, Operation::ListRepositories, url, Scopes::catalog());
        let mut repositories = Vec::new();
        while let Some(page) = pages.next().await? {
            let list: List = pages.read(&page)?;
            repositories.extend(list.repositories.into_iter().flatten().flatten());
        }
        Ok(repositories)
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
}

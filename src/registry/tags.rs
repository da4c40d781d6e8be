//! Tag lists and the catalog (distribution-spec "Listing Tags"; Docker's `_catalog`).
//!
//! Decides how many names are kept. Invariant: names are returned as the registry spells them; they may be invalid.

use reqwest::Method;
use url::Url;

use super::{
    Client, Error, Operation,
    auth::Scopes,
    names::{self, Take},
    pages::Pages,
};
use crate::oci::Repository;

/// Entries per page; ECR refuses more (quirk 8, see registry/quirks.md).
const PAGE: &str = "n=1000";
/// Names kept of one list. Repositories that machines push to have some ten thousand tags.
const MAX_NAMES: usize = 250_000;

impl Client {
    /// All tags of a repository as the registry spells them; they may not be valid tags (quirk 26).
    ///
    /// # Errors
    /// Also if there are more than 250,000.
    pub async fn tags(&self, repository: &Repository) -> Result<Vec<String>, Error> {
        let mut tags = Vec::new();
        let mut take = append_to(&mut tags);
        self.for_each_tag(repository, &mut take).await?;
        drop(take);
        Ok(tags)
    }

    /// Calls `take` with every tag of a repository, page by page.
    ///
    /// # Errors
    /// Also if `take` returns false: it has no room for more.
    pub async fn for_each_tag(
        &self,
        repository: &Repository,
        take: &mut (dyn FnMut(&str) -> bool + Send),
    ) -> Result<(), Error> {
        let url = self.repository_url(repository, "tags/list");
        let scopes = Scopes::pull(repository);
        self.for_each_name(Operation::ListTags, url, scopes, "tags", take)
            .await
    }

    /// All repositories, where the registry lists them.
    ///
    /// # Errors
    /// Also if there are more than 250,000.
    pub async fn repositories(&self) -> Result<Vec<String>, Error> {
        let mut repositories = Vec::new();
        let mut take = append_to(&mut repositories);
        let (operation, url) = (Operation::ListRepositories, self.url("_catalog"));
        self.for_each_name(operation, url, Scopes::catalog(), "repositories", &mut take)
            .await?;
        drop(take);
        Ok(repositories)
    }

    async fn for_each_name(
        &self,
        operation: Operation,
        mut url: Url,
        scopes: Scopes,
        key: &str,
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        url.set_query(Some(PAGE));
        let mut pages = Pages::new(self, operation, url.clone(), scopes);
        let mut count = 0_usize;
        let mut take = |name: &str| {
            let has_room = take(name);
            count += usize::from(has_room);
            has_room
        };
        while let Some(page) = pages.next().await? {
            if !pages.parse(&page, |body| names::read(body, key, &mut take))? {
                let text = format!("it lists more than {count} {key}, too many to keep");
                return Err(self.protocol(operation, &url, text));
            }
        }
        Ok(())
    }

    /// Whether the registry does not know the repository. One small request.
    pub async fn is_new_repository(&self, repository: &Repository) -> Result<bool, Error> {
        let mut url = self.repository_url(repository, "tags/list");
        url.set_query(Some("n=1"));
        let scopes = Scopes::push(repository);
        let request = self.request(Operation::ListTags, Method::GET, url, scopes);
        match self.send(request).await {
            Ok(_) => Ok(false),
            Err(error) if error.is_not_found() => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// Adds names to `list` as long as there is room.
fn append_to(list: &mut Vec<String>) -> impl FnMut(&str) -> bool + Send {
    |name| {
        let has_room = list.len() < MAX_NAMES;
        if has_room {
            list.push(name.to_owned());
        }
        has_room
    }
}

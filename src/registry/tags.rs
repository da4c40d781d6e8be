//! Tag lists and the catalog (distribution-spec "Listing Tags"; Docker's `_catalog`).
//!
//! Invariant: names are given as the registry spells them; whether they are valid is for who uses them.

use reqwest::Method;
use url::Url;

use super::{
    Client, Error, Operation,
    auth::Scopes,
    http::Request,
    names::{self, Take},
    pages::Pages,
};
use crate::oci::Repository;

/// Entries asked for per page; more is an error at ECR (quirk 8).
const PAGE: &str = "n=1000";
/// Names that are kept of one list; repositories that are pushed to by machines have some ten thousand tags.
const MOST_NAMES: usize = 250_000;

impl Client {
    /// All tags of a repository as the registry spells them; they may not be valid tags (quirk 26).
    ///
    /// # Errors
    /// Also if there are more than 250,000.
    pub async fn tags(&self, repository: &Repository) -> Result<Vec<String>, Error> {
        let mut tags = Vec::new();
        let mut take = into(&mut tags);
        self.for_each_tag(repository, &mut take).await?;
        drop(take);
        Ok(tags)
    }

    /// Hands every tag of a repository to `take`, page by page; nothing else is kept of them.
    ///
    /// # Errors
    /// Also when `take` has no room for more.
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
        let mut take = into(&mut repositories);
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
            if !pages.read(&page, |body| names::read(body, key, &mut take))? {
                let text = format!("it lists more than {count} {key}, too many to keep");
                return Err(self.protocol(operation, &url, text));
            }
        }
        Ok(())
    }

    /// Whether the repository is known to hold nothing: the registry does not know it. One small request.
    pub async fn is_new_repository(&self, repository: &Repository) -> Result<bool, Error> {
        let mut url = self.repository_url(repository, "tags/list");
        url.set_query(Some("n=1"));
        let call = Request::new(
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

/// Keeps names in `list`, as long as there is room.
fn into(list: &mut Vec<String>) -> impl FnMut(&str) -> bool + Send {
    |name| {
        let has_room = list.len() < MOST_NAMES;
        if has_room {
            list.push(name.to_owned());
        }
        has_room
    }
}

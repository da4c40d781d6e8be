//! Docker Hub's web API, which lists the public repositories of a namespace; its registry has no catalogue.
//!
//! Invariant: it gets no credential, because it is not on the host of the registry.

use serde::Deserialize;
use url::Url;

use super::{Client, Error, Operation, TagTime};
use crate::oci::Repository;

const HOST: &str = "hub.docker.com";

#[derive(Deserialize)]
struct Page<T> {
    /// The address of the next page.
    next: Option<String>,
    results: Vec<T>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Tagged {
    name: String,
    tag_last_pushed: Option<String>,
    last_updated: Option<String>,
}

impl Client {
    /// The public repositories of a namespace of Docker Hub, with its name before theirs.
    ///
    /// # Errors
    /// Also if there is no such namespace.
    pub async fn docker_hub_repositories(&self, namespace: &str) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        let take = |page: Page<Named>| {
            let more = page.next.is_some() && !page.results.is_empty();
            let found = page.results.into_iter();
            names.extend(found.map(|entry| format!("{namespace}/{}", entry.name)));
            more
        };
        let url = self.docker_hub_url(&[namespace, "repositories"])?;
        let operation = Operation::ListRepositories;
        self.for_each_page(operation, &url, take).await?;
        Ok(names)
    }

    /// When the tags of a repository of Docker Hub were pushed. Those without a time are left out.
    ///
    /// # Errors
    /// Also if the repository is not public.
    pub async fn docker_hub_tag_times(
        &self,
        repository: &Repository,
    ) -> Result<Vec<TagTime>, Error> {
        let (namespace, name) = (repository.as_str())
            .split_once('/')
            .unwrap_or(("library", repository.as_str()));
        let mut times = Vec::new();
        let take = |page: Page<Tagged>| {
            let more = page.next.is_some() && !page.results.is_empty();
            for entry in page.results {
                let pushed = entry.tag_last_pushed.or(entry.last_updated);
                times.extend(pushed.map(|pushed| TagTime {
                    tag: entry.name,
                    pushed,
                }));
            }
            more
        };
        let url = self.docker_hub_url(&[namespace, "repositories", name, "tags"])?;
        self.for_each_page(Operation::ListTags, &url, take).await?;
        Ok(times)
    }

    fn docker_hub_url(&self, path: &[&str]) -> Result<Url, Error> {
        let mut url = self.url("");
        if url.set_host(Some(HOST)).is_err() {
            let text = "it has no web API";
            return Err(self.protocol(Operation::ListRepositories, &url, text));
        }
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(["v2", "namespaces"]).extend(path);
        }
        Ok(url)
    }
}

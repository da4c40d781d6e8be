//! Harbor's own API, on the host of the registry (Harbor API 2.0).
//!
//! Decides which of its lists are read: Harbor gives its catalogue to administrators only, and these lists to every
//! member. Invariant: names are returned as Harbor spells them.

use serde::Deserialize;
use url::Url;

use super::{Client, Error, Operation, TagTime, numbered_pages::PAGE_SIZE};
use crate::oci::Repository;

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Artifact {
    push_time: Option<String>,
    tags: Option<Vec<ArtifactTag>>,
}

#[derive(Deserialize)]
struct ArtifactTag {
    name: String,
    push_time: Option<String>,
}

impl Client {
    /// The projects that these credentials see.
    ///
    /// # Errors
    /// Also if the registry is no Harbor.
    pub async fn harbor_projects(&self) -> Result<Vec<String>, Error> {
        self.harbor_names(&self.harbor_url(&["projects"])).await
    }

    /// The repositories of a project, with its name before theirs.
    ///
    /// # Errors
    /// Also if the registry is no Harbor, or has no such project.
    pub async fn harbor_repositories(&self, project: &str) -> Result<Vec<String>, Error> {
        let url = self.harbor_url(&["projects", project, "repositories"]);
        self.harbor_names(&url).await
    }

    /// When the tags of a repository were pushed. Those without a time are left out.
    ///
    /// # Errors
    /// Also if the registry is no Harbor.
    pub async fn harbor_tag_times(&self, repository: &Repository) -> Result<Vec<TagTime>, Error> {
        let (project, name) = (repository.as_str())
            .split_once('/')
            .unwrap_or((repository.as_str(), ""));
        // Harbor wants slashes in a name encoded twice.
        let name = name.replace('/', "%2F");
        let mut url = self.harbor_url(&["projects", project, "repositories", &name, "artifacts"]);
        url.set_query(Some("with_tag=true"));
        let mut times = Vec::new();
        let take = |artifacts: Vec<Artifact>| {
            let is_full = artifacts.len() >= PAGE_SIZE;
            for artifact in artifacts {
                for tag in artifact.tags.into_iter().flatten() {
                    let pushed = tag.push_time.or_else(|| artifact.push_time.clone());
                    times.extend(pushed.map(|pushed| TagTime {
                        tag: tag.name,
                        pushed,
                    }));
                }
            }
            is_full
        };
        self.for_each_page(Operation::ListTags, &url, take).await?;
        Ok(times)
    }

    async fn harbor_names(&self, url: &Url) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        let take = |page: Vec<Named>| {
            let is_full = page.len() >= PAGE_SIZE;
            names.extend(page.into_iter().map(|entry| entry.name));
            is_full
        };
        let operation = Operation::ListRepositories;
        self.for_each_page(operation, url, take).await?;
        Ok(names)
    }

    fn harbor_url(&self, path: &[&str]) -> Url {
        let mut url = self.url("");
        // A URL with a host always has segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(["api", "v2.0"]).extend(path);
        }
        url
    }
}

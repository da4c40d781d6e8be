//! The chosen tags of repositories.
//!
//! Decides which tags are images of their own, and how many repositories are read at once. Invariant: at most
//! [`MAX_TAGS`] chosen tags are in memory.

use std::{collections::HashMap, sync::Arc};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use super::{
    creation_time::{created, push_times},
    error::CatalogueError,
    repositories::CatalogueSource,
};
use crate::{
    inspect::{Inspector, RepositoryId},
    list::TagChoice,
    oci::{Attachments, Digest, Registry, Repository, Tag},
    registry::{self, Client, FailureClass},
    transport::Stores,
};

/// Repositories read at once.
const READERS: usize = 8;
/// Creation times read at once for one repository.
const TIME_READERS: usize = 4;
const MAX_TAGS: usize = 500_000;

/// Which tags are chosen.
pub struct TagQuery {
    pub choice: TagChoice,
    /// Of the tags that `choice` lets through, those of images made after this time.
    pub newer_than: Option<Timestamp>,
}

/// The chosen tags of one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryTags {
    pub repository: Repository,
    pub tags: Vec<Tag>,
}

/// The chosen tags, and what was left out.
#[derive(Clone, Debug, Default)]
pub struct FoundTags {
    /// In the order of the repositories; those without a chosen tag are left out.
    pub repositories: Vec<RepositoryTags>,
    /// How many of the repositories have tags, but no chosen one.
    pub unchosen: usize,
    /// How many repositories have no tag at all.
    pub empty: usize,
    /// Invalid tags, which are left out.
    pub invalid: usize,
    /// Tags of signatures and other attachments, which go along with their images.
    pub attachments: usize,
    /// Images whose time is not known. They are kept.
    pub undated: Vec<String>,
    /// Repositories whose tags these credentials cannot list, and why.
    pub unreadable: Vec<(Repository, String)>,
}

impl FoundTags {
    #[must_use]
    pub fn count(&self) -> usize {
        let repositories = self.repositories.iter();
        repositories.map(|found| found.tags.len()).sum()
    }
}

/// Reads the tags of repositories of one registry.
///
/// # Errors
/// The registry fails in a way that may pass, or there are too many tags.
pub async fn tags(
    stores: &Arc<Stores>,
    (registry, source): (&Registry, CatalogueSource),
    repositories: Vec<Repository>,
    query: &TagQuery,
) -> Result<FoundTags, CatalogueError> {
    let client = stores.clients().get(registry)?;
    let reader = &Reader {
        inspector: Inspector::new(Arc::clone(stores)),
        client,
        source,
        query,
    };
    let read = |repository: Repository| async move {
        let read = reader.read(&repository).await;
        read.map(|read| (repository, read))
    };
    let mut all = FoundTags::default();
    let mut kept = 0;
    let mut answers = stream::iter(repositories).map(read).buffered(READERS);
    while let Some((repository, read)) = answers.try_next().await? {
        match read {
            Read::Unreadable(why) => all.unreadable.push((repository, why)),
            Read::Empty => all.empty += 1,
            Read::Tags(found) => {
                all.invalid += found.invalid;
                all.attachments += found.attachments;
                all.undated.extend(found.undated);
                kept += found.tags.len();
                if kept > MAX_TAGS {
                    return Err(CatalogueError::TooMany(MAX_TAGS));
                }
                let tags = found.tags;
                match tags.is_empty() {
                    true => all.unchosen += 1,
                    false => all.repositories.push(RepositoryTags { repository, tags }),
                }
            }
        }
    }
    Ok(all)
}

enum Read {
    Tags(ChosenTags),
    /// Some registries list repositories that have no tag, and do not know them when they are asked.
    Empty,
    Unreadable(String),
}

#[derive(Default)]
struct ChosenTags {
    tags: Vec<Tag>,
    invalid: usize,
    attachments: usize,
    undated: Vec<String>,
}

struct Reader<'a> {
    inspector: Inspector,
    client: Arc<Client>,
    source: CatalogueSource,
    query: &'a TagQuery,
}

impl Reader<'_> {
    async fn read(&self, repository: &Repository) -> Result<Read, CatalogueError> {
        let names = match self.client.tags(repository).await {
            Ok(names) => names,
            Err(error) => return unread(error),
        };
        if names.is_empty() {
            return Ok(Read::Empty);
        }
        let mut chosen = ChosenTags::default();
        let mut tags: Vec<Tag> = Vec::with_capacity(names.len());
        for name in names {
            match name.parse::<Tag>() {
                Ok(tag) if is_attachment(&tag) => chosen.attachments += 1,
                Ok(tag) => tags.push(tag),
                Err(_) => chosen.invalid += 1,
            }
        }
        chosen.tags = self.query.choice.select(&tags);
        if let Some(newer_than) = self.query.newer_than
            && !chosen.tags.is_empty()
        {
            self.keep_newer(repository, newer_than, &mut chosen).await?;
        }
        Ok(Read::Tags(chosen))
    }

    async fn keep_newer(
        &self,
        repository: &Repository,
        newer_than: Timestamp,
        chosen: &mut ChosenTags,
    ) -> Result<(), CatalogueError> {
        let pushed = push_times(&self.client, self.source, repository).await?;
        let id = RepositoryId {
            registry: self.client.registry().clone(),
            repository: repository.clone(),
        };
        let (id, pushed) = (&id, &pushed);
        let dated = stream::iter(std::mem::take(&mut chosen.tags))
            .map(|tag| async move {
                let time = self.time(id, &tag, pushed).await?;
                Ok::<_, CatalogueError>((tag, time))
            })
            .buffered(TIME_READERS);
        let mut dated = std::pin::pin!(dated);
        while let Some((tag, time)) = dated.try_next().await? {
            match time {
                Some(time) if time < newer_than => {}
                Some(_) => chosen.tags.push(tag),
                None => {
                    chosen.undated.push(format!("{repository}:{tag}"));
                    chosen.tags.push(tag);
                }
            }
        }
        Ok(())
    }

    async fn time(
        &self,
        repository: &RepositoryId,
        tag: &Tag,
        pushed: &HashMap<String, Timestamp>,
    ) -> Result<Option<Timestamp>, CatalogueError> {
        match pushed.get(tag.as_str()) {
            Some(time) => Ok(Some(*time)),
            None => Ok(created(&self.inspector, repository, tag).await?),
        }
    }
}

fn unread(error: registry::Error) -> Result<Read, CatalogueError> {
    match error.class() {
        FailureClass::NotFound => Ok(Read::Empty),
        FailureClass::Auth | FailureClass::Rejected => Ok(Read::Unreadable(error.to_string())),
        FailureClass::Transient { .. } | FailureClass::Corrupt | FailureClass::Internal => {
            Err(error.into())
        }
    }
}

/// Whether a tag is the index of referrers of a digest, or one of cosign's.
fn is_attachment(tag: &Tag) -> bool {
    let subject = tag.as_str().replacen('-', ":", 1).parse::<Digest>();
    Attachments::is_cosign_tag(tag) || subject.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_attachments_are_recognized() {
        let hex = "ab".repeat(32);
        let is = |tag: &str| is_attachment(&tag.parse().unwrap());
        assert!(is(&format!("sha256-{hex}")) && is(&format!("sha256-{hex}.sig")));
        assert!(!is("sha256-1") && !is("1.2") && !is("latest"));
    }
}

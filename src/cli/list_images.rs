//! Asks stores and directories what a list must know, and expands the list to its images.
//!
//! Decides which answers of a registry mean that it has no catalogue. Invariant: at most [`MAX_NAMES`] names are in
//! memory, whatever the stores answer.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::{Context as _, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{exit::Exit, list_source, matching_files::matching_files, output::tell};
use crate::{
    batch::{Job, JobId},
    list::{Answers, Catalogue, List, Question},
    oci::{LocalStore, Registry, Repository, StoredName},
    present,
    registry::{self, FailureClass},
    transport::Stores,
};

/// Questions asked at once.
const READERS: usize = 8;
/// Tags, repositories, files and images of local stores for filters and patterns, some 30 MB.
const MAX_NAMES: usize = 500_000;

/// The jobs of a list, or the exit code after its mistakes were printed.
pub(super) async fn expand(list: &List, stores: &Stores) -> anyhow::Result<Result<Vec<Job>, Exit>> {
    let asker = Asker {
        stores,
        room: Room(AtomicUsize::new(MAX_NAMES)),
    };
    let mut answers = Answers::default();
    loop {
        let questions = list.questions(&answers);
        if questions.is_empty() {
            break;
        }
        stream::iter(questions)
            .map(|question| asker.ask(question))
            .buffer_unordered(READERS)
            .try_for_each(|answer| {
                answers.add(answer);
                std::future::ready(Ok(()))
            })
            .await?;
    }
    let expansion = match list.expand(&answers) {
        Ok(expansion) => expansion,
        Err(mistakes) => return Ok(Err(list_source::report(&mistakes))),
    };
    for warning in &expansion.warnings {
        let warning = warning.to_string();
        tell(format_args!("transship: {}", present::sanitize(&warning)));
    }
    let jobs = (0..)
        .map(JobId)
        .zip(expansion.images)
        .map(|(id, image)| Job {
            id,
            spec: image.spec,
        });
    Ok(Ok(jobs.collect()))
}

struct Asker<'a> {
    stores: &'a Stores,
    room: Room,
}

/// How many more names are kept.
struct Room(AtomicUsize);

impl Asker<'_> {
    /// The answer to one question.
    async fn ask(&self, question: Question) -> anyhow::Result<Answers> {
        let mut answers = Answers::default();
        match question {
            Question::Tags(registry, repository) => {
                let tags = self
                    .tags(&registry, &repository)
                    .await
                    .with_context(|| format!("cannot list the tags of {registry}/{repository}"))?;
                answers.tags.insert((registry, repository), tags);
            }
            Question::Repositories(registry) => {
                let catalogue = self
                    .catalogue(&registry)
                    .await
                    .with_context(|| format!("cannot list the repositories of {registry}"))?;
                answers.repositories.insert(registry, catalogue);
            }
            Question::Images(store) => {
                let images = (self.stored(&store).await)
                    .with_context(|| format!("cannot list the images of {store}"))?;
                answers.images.insert(store, images);
            }
            Question::Files(pattern) => {
                let room = self.room.left();
                let files = (matching_files(pattern.clone(), room).await)
                    .with_context(|| format!("cannot find the files of {pattern}"))?;
                self.room.keep(files.len())?;
                answers.files.insert(pattern, files);
            }
        }
        Ok(answers)
    }

    async fn tags(
        &self,
        registry: &Registry,
        repository: &Repository,
    ) -> anyhow::Result<Vec<String>> {
        let (mut tags, room) = (Vec::new(), &self.room);
        let mut take = |tag: &str| {
            let has_room = room.keep(1).is_ok();
            tags.extend(has_room.then(|| tag.to_owned()));
            has_room
        };
        let client = self.stores.clients().get(registry)?;
        client.for_each_tag(repository, &mut take).await?;
        Ok(tags)
    }

    async fn catalogue(&self, registry: &Registry) -> anyhow::Result<Catalogue> {
        let listed = self.stores.clients().get(registry)?.repositories().await;
        match listed {
            Ok(names) => {
                self.room.keep(names.len())?;
                Ok(Catalogue::Listed(names))
            }
            Err(error) => match no_catalogue(&error) {
                Some(why) => Ok(Catalogue::None(why)),
                None => Err(error.into()),
            },
        }
    }

    async fn stored(&self, store: &LocalStore) -> anyhow::Result<Vec<StoredName>> {
        let images = self.stores.open(store).images().await?;
        self.room.keep(images.len())?;
        Ok(images.into_iter().map(|image| image.name).collect())
    }
}

impl Room {
    fn left(&self) -> usize {
        self.0.load(Relaxed)
    }

    fn keep(&self, names: usize) -> anyhow::Result<()> {
        let left = |left: usize| left.checked_sub(names);
        match self.0.fetch_update(Relaxed, Relaxed, left) {
            Ok(_) => Ok(()),
            Err(_) => bail!("there are more than {MAX_NAMES} names, too many to keep"),
        }
    }
}

/// Why a registry does not list its repositories, if that is what its answer means. Public registries answer so, with
/// and without credentials.
fn no_catalogue(error: &registry::Error) -> Option<String> {
    let refuses = matches!(error.status(), Some(403 | 404 | 405 | 501));
    (refuses || error.class() == FailureClass::Auth).then(|| error.to_string())
}

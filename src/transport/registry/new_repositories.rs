//! Which repositories of one registry were empty when this batch first wrote to them.
//!
//! Decides when to ask the registry: once a repository. Invariant: a repository that an earlier run wrote to is never
//! called new.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    oci::Repository,
    registry::{Client, Error, SingleFlight},
};

type Answers = HashMap<Repository, Arc<SingleFlight<bool, Error>>>;

#[derive(Default)]
pub(super) struct NewRepositories(Mutex<Answers>);

impl NewRepositories {
    /// Whether the repository was empty when this batch first asked. A registry that does not answer (403, 5xx) is
    /// treated as if it were not.
    pub(super) async fn check(
        &self,
        client: &Client,
        repository: &Repository,
    ) -> Result<bool, Error> {
        let answer = Arc::clone(self.lock().entry(repository.clone()).or_default());
        let ask = || async {
            match client.is_new_repository(repository).await {
                Ok(is_new) => Ok(is_new),
                Err(error) if error.status().is_some() => Ok(false),
                Err(error) => Err(error),
            }
        };
        answer.get_or_try_init(ask).await.copied()
    }

    /// Whether the registry said earlier that the repository is empty. Sends no request.
    pub(super) fn is_known_new(&self, repository: &Repository) -> bool {
        let answers = self.lock();
        let answer = answers.get(repository).and_then(|answer| answer.get());
        answer == Some(&true)
    }

    /// An earlier run wrote to this repository, and it may hold more than the journal recorded.
    pub(super) fn mark_used(&self, repository: &Repository) {
        let used = Arc::new(SingleFlight::of(false));
        self.lock().insert(repository.clone(), used);
    }

    fn lock(&self) -> MutexGuard<'_, Answers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

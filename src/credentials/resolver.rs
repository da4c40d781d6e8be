//! Looks up and caches the credentials of one registry.
//!
//! Decides the order of files and helpers. Invariants: only one lookup of a source runs at a time. A refused credential
//! is looked up again once, by the first caller.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::OnceCell;

use super::{
    CredentialsError, PasswordSource, Places,
    config::{Candidate, ConfigFile},
    helper::Helper,
    key::DOCKER_HUB_KEY,
    password::variable,
};
use crate::{
    oci::{Registry, Repository},
    registry::{Credential, CredentialProvider, ProviderError, SingleFlight},
};

/// How long a failed helper or command is not run again. Some take half a minute to fail, and every image of a batch
/// needs the answer.
const ERROR_LIFETIME: Duration = Duration::from_secs(5);

/// Where the credentials of a registry come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// From the credentials files of docker and podman; anonymous without an entry.
    Stored(Places),
    Password {
        username: String,
        from: PasswordSource,
    },
    /// The environment variable that holds a bearer token.
    Token(String),
}

impl Source {
    /// Checks that a configured variable is set, or a configured file exists. Runs no command.
    ///
    /// # Errors
    /// The variable is not set, or the file cannot be found.
    pub fn check(&self) -> Result<(), CredentialsError> {
        match self {
            Self::Token(name) => variable(name).map(drop),
            Self::Password { from, .. } => from.check(),
            Self::Stored(_) => Ok(()),
        }
    }
}

/// Finds the credentials of one registry; [`CredentialProvider`] of its client.
#[derive(Debug)]
pub struct CredentialResolver {
    registry: Registry,
    source: Source,
    files: Mutex<Arc<OnceCell<Files>>>,
    /// The cached answers of helpers and of a configured source.
    answers: Mutex<HashMap<LookupKey, Arc<Answer>>>,
}

type Answer = SingleFlight<Option<Credential>, ProviderError>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum LookupKey {
    Source,
    Helper { name: String, server: String },
}

/// The readable files, and the error of the first unreadable one.
struct Files(Vec<ConfigFile>, Option<String>);

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} files", self.0.len())
    }
}

impl CredentialResolver {
    #[must_use]
    pub fn new(registry: Registry, source: Source) -> Self {
        Self {
            registry,
            source,
            files: Mutex::default(),
            answers: Mutex::default(),
        }
    }

    /// Looks a credential up. If one is `needed`, failures on the way are errors even if anonymous access were possible.
    async fn find(
        &self,
        repository: Option<&Repository>,
        needed: bool,
    ) -> Result<Credential, ProviderError> {
        let places = match &self.source {
            Source::Stored(places) => places,
            Source::Password { username, from } => {
                let read = async {
                    let (username, password) = (username.clone(), from.read().await?);
                    Ok(Some(Credential::Basic { username, password }))
                };
                return Ok(self
                    .answer(LookupKey::Source, read)
                    .await?
                    .unwrap_or_default());
            }
            Source::Token(name) => return Ok(Credential::Token(variable(name)?)),
        };
        let cell = Arc::clone(&locked(&self.files));
        let Files(files, unreadable) = cell.get_or_init(|| read(places.clone())).await;
        let mut failure = None;
        for candidate in files
            .iter()
            .flat_map(|file| file.candidates(&self.registry, repository))
        {
            let (name, server, required) = match candidate {
                Candidate::Entry(credential) => return Ok(credential),
                Candidate::Helper {
                    name,
                    server,
                    required,
                } => (name, server, required),
            };
            match self.get_from_helper(name, server).await {
                Ok(Some(credential)) => return Ok(credential),
                Ok(None) => {}
                // A broken helper for all registries must not prevent anonymous reads.
                Err(error) if required || needed => failure = failure.or(Some(error)),
                Err(_) => {}
            }
        }
        match (failure, unreadable) {
            (Some(error), _) => Err(error),
            (None, Some(unreadable)) if needed => Err(ProviderError::Unusable(unreadable.clone())),
            (None, _) => Ok(Credential::Anonymous),
        }
    }

    async fn get_from_helper(
        &self,
        name: String,
        server: String,
    ) -> Result<Option<Credential>, ProviderError> {
        let helper = Helper::named(&name)?;
        let other =
            (self.registry.is_docker_hub() && server != DOCKER_HUB_KEY).then_some(DOCKER_HUB_KEY);
        let key = LookupKey::Helper {
            name,
            server: server.clone(),
        };
        let get = async move {
            match (helper.get(&server).await?, other) {
                (None, Some(server)) => helper.get(server).await,
                (found, _) => Ok(found),
            }
        };
        self.answer(key, get).await
    }

    async fn answer(
        &self,
        key: LookupKey,
        lookup: impl Future<Output = Result<Option<Credential>, CredentialsError>>,
    ) -> Result<Option<Credential>, ProviderError> {
        let cell = {
            let mut answers = locked(&self.answers);
            let cell = answers.entry(key);
            Arc::clone(
                cell.or_insert_with(|| Arc::new(Answer::with_error_lifetime(ERROR_LIFETIME))),
            )
        };
        let lookup = async { Ok(lookup.await?) };
        cell.get_or_try_init(|| lookup).await.cloned()
    }

    /// Drops the files and the cached answers that `refused` may come from.
    fn forget(&self, refused: &Credential) {
        *locked(&self.files) = Arc::default();
        locked(&self.answers).retain(|_, cell| match cell.get() {
            Some(Some(answer)) => answer != refused,
            // A credential may have been stored since.
            Some(None) => false,
            None => true,
        });
    }
}

impl CredentialProvider for CredentialResolver {
    fn credential<'a>(
        &'a self,
        repository: Option<&'a Repository>,
        refused: Option<&'a Credential>,
    ) -> BoxFuture<'a, Result<Credential, ProviderError>> {
        async move {
            let found = self.find(repository, false).await?;
            match refused {
                Some(refused) if found == *refused => {
                    self.forget(refused);
                    self.find(repository, true).await
                }
                _ => Ok(found),
            }
        }
        .boxed()
    }
}

async fn read(places: Places) -> Files {
    let read = tokio::task::spawn_blocking(move || {
        let mut unreadable = None;
        let mut files = Vec::new();
        for path in &places.files {
            match ConfigFile::read(path) {
                Ok(file) => files.push(file),
                Err(error) => unreadable = unreadable.or(Some(error.to_string())),
            }
        }
        Files(files, unreadable)
    });
    read.await.unwrap_or_else(|_| {
        Files(
            Vec::new(),
            Some("the credentials files could not be read".into()),
        )
    })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

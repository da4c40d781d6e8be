//! The credentials of one registry, looked up when they are needed and remembered.
//!
//! Decides in which order files, helpers and written sources are asked. Invariant: one look-up of a
//! source at a time, and a credential that was refused is looked up anew once, by whoever is first.

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

/// How long a helper or command that failed is not run again. Some take half a minute to fail, and every image
/// of a batch needs the answer.
const REST: Duration = Duration::from_secs(5);

/// Where the credentials for a registry are.
#[derive(Clone, Debug)]
pub enum Source {
    /// Where docker and podman keep theirs, else none.
    Stored(Places),
    Password {
        username: String,
        from: PasswordSource,
    },
    /// The environment variable that holds a bearer token.
    Token(String),
}

impl Source {
    /// Whether what is written can be meant: the variable is set, the file is there. Runs no command.
    ///
    /// # Errors
    /// It is not.
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
    /// What helpers answered, by helper and server, and what a written source did.
    answers: Mutex<HashMap<LookupKey, Arc<Answer>>>,
}

type Answer = SingleFlight<Option<Credential>, ProviderError>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum LookupKey {
    Source,
    Helper { name: String, server: String },
}

/// The readable files, and why the first unreadable one is not.
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

    /// With `needed`, nobody gets in without a credential: what kept us from finding one is told.
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
        for clue in files
            .iter()
            .flat_map(|file| file.candidates(&self.registry, repository))
        {
            let (name, server, required) = match clue {
                Candidate::Entry(credential) => return Ok(credential),
                Candidate::Helper {
                    name,
                    server,
                    required,
                } => (name, server, required),
            };
            match self.ask_helper(name, server).await {
                Ok(Some(credential)) => return Ok(credential),
                Ok(None) => {}
                // A store left behind for all registries is no reason to refuse what anybody may read.
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

    async fn ask_helper(
        &self,
        name: String,
        server: String,
    ) -> Result<Option<Credential>, ProviderError> {
        let helper = Helper::named(&name)?;
        let other =
            (self.registry.is_docker_hub() && server != DOCKER_HUB_KEY).then_some(DOCKER_HUB_KEY);
        let asked = LookupKey::Helper {
            name,
            server: server.clone(),
        };
        let ask = async move {
            match (helper.get(&server).await?, other) {
                (None, Some(server)) => helper.get(server).await,
                (found, _) => Ok(found),
            }
        };
        self.answer(asked, ask).await
    }

    async fn answer(
        &self,
        asked: LookupKey,
        ask: impl Future<Output = Result<Option<Credential>, CredentialsError>>,
    ) -> Result<Option<Credential>, ProviderError> {
        let cell = {
            let mut answers = locked(&self.answers);
            let cell = answers.entry(asked);
            Arc::clone(cell.or_insert_with(|| Arc::new(Answer::resting(REST))))
        };
        let ask = async { Ok(ask.await?) };
        cell.get_or_try_init(|| ask).await.cloned()
    }

    /// Forgets where `refused` came from.
    fn forget(&self, refused: &Credential) {
        *locked(&self.files) = Arc::default();
        locked(&self.answers).retain(|_, cell| match cell.get() {
            Some(Some(answer)) => answer != refused,
            // Something may be kept there by now.
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
            Some("the credentials files were not read".into()),
        )
    })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

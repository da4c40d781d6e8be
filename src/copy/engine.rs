//! The copy engine of a batch.
//!
//! Keeps the state of each store for the whole batch. Invariant: all images share connections, tokens, claims and what
//! was learned about a store.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use tokio::time::timeout;

use super::{
    CopyError, CopyOutcome, Report,
    error::blame,
    image_context::{self, ImageContext},
    image_copy::copy_image,
    image_policy::ImagePolicy,
    image_tagging::tag_image,
    plan_cache::PlanCache,
    preflight::{PreflightOutcome, preflight},
    provisioner::{CreateCommand, RepositoryProvisioner},
    scope::Scope,
    staged_manifests::StagedManifests,
    store_state::StoreState,
};
use crate::{
    batch::{Job, RegistryLimit, RegistryStatus, Side},
    oci::{Digest, Registry, Repository, Store},
    registry::{self, Client, Clients, ErrorCause, ImageBudget, StreamQueue},
    rollback_file::TagLog,
    signature::CosignKey,
    transport::{Destination, LocalSettings, Source, Stores},
};

/// How long the end of a batch waits for registries to cancel uploads.
const MAX_CANCEL_TIME: Duration = Duration::from_secs(3);

pub struct Engine {
    stores: Arc<Stores>,
    create_commands: HashMap<Registry, CreateCommand>,
    signature_keys: HashMap<PathBuf, CosignKey>,
    policy: Option<ImagePolicy>,
    states: Mutex<HashMap<Store, Arc<StoreState>>>,
    plan_cache: PlanCache,
    staged: StagedManifests,
    tag_log: OnceLock<Arc<TagLog>>,
    streams: StreamQueue,
}

/// Source and destination of an image.
struct Sides {
    source: image_context::Side<dyn Source>,
    destination: image_context::Side<dyn Destination>,
}

impl Engine {
    /// An engine that copies between the registries of `clients`.
    #[must_use]
    pub fn new(clients: Arc<Clients>) -> Self {
        Self::of_stores(Stores::new(clients, LocalSettings::default()))
    }

    /// An engine that copies between `stores`.
    #[must_use]
    pub fn of_stores(stores: Stores) -> Self {
        Self {
            stores: Arc::new(stores),
            create_commands: HashMap::new(),
            signature_keys: HashMap::new(),
            policy: None,
            states: Mutex::default(),
            plan_cache: PlanCache::default(),
            staged: StagedManifests::default(),
            tag_log: OnceLock::new(),
            streams: StreamQueue::default(),
        }
    }

    /// Makes missing repositories with these commands.
    #[must_use]
    pub fn creating(self, create_commands: HashMap<Registry, CreateCommand>) -> Self {
        Self {
            create_commands,
            ..self
        }
    }

    /// Verifies signatures with these public keys, by the file that images name.
    #[must_use]
    pub fn verifying(self, signature_keys: HashMap<PathBuf, CosignKey>) -> Self {
        Self {
            signature_keys,
            ..self
        }
    }

    /// Copies only what the policy accepts.
    #[must_use]
    pub fn obeying(self, policy: Option<ImagePolicy>) -> Self {
        Self { policy, ..self }
    }

    /// Copies one image, and reports its progress to `report`, in order. An image of a group gets no tag: that is written by
    /// [`Engine::tag`].
    ///
    /// # Errors
    /// The side that failed and why. Blobs that were settled stay settled.
    pub async fn copy(
        &self,
        job: &Job,
        report: &(dyn Fn(Report) + Send + Sync),
    ) -> Result<CopyOutcome, CopyError> {
        let sides = self.sides(job).await?;
        copy_image(&self.image(job, &sides, report)).await
    }

    /// Writes the tag of an image of a group, whose manifest `root` an earlier copy left at the destination.
    ///
    /// # Errors
    /// As [`Engine::copy`]; also if the tag names an image that the list says not to replace.
    pub async fn tag(
        &self,
        job: &Job,
        root: &Digest,
        report: &(dyn Fn(Report) + Send + Sync),
    ) -> Result<CopyOutcome, CopyError> {
        let sides = self.sides(job).await?;
        tag_image(&self.image(job, &sides, report), root).await
    }

    /// Finds out what copying one image takes, and writes nothing. The copy does not ask again for what was reported.
    ///
    /// # Errors
    /// As [`Engine::copy`].
    pub async fn preflight(
        &self,
        job: &Job,
        report: &(dyn Fn(Report) + Send + Sync),
    ) -> Result<PreflightOutcome, CopyError> {
        let sides = self.sides(job).await?;
        preflight(&self.image(job, &sides, report)).await
    }

    /// Keeps in `log` what each tag of a registry names before it is written. To be called before the first copy; a second
    /// log is ignored.
    pub fn keep_tags(&self, log: TagLog) {
        let _ = self.tag_log.set(Arc::new(log));
    }

    fn image<'a>(
        &'a self,
        job: &'a Job,
        sides: &'a Sides,
        report: &'a (dyn Fn(Report) + Send + Sync),
    ) -> ImageContext<'a> {
        ImageContext {
            job,
            source: &sides.source,
            destination: &sides.destination,
            plan_cache: &self.plan_cache,
            staged: &self.staged,
            signature_keys: &self.signature_keys,
            policy: self.policy.as_ref(),
            streams: &self.streams,
            budget: ImageBudget::new(move || {
                report(Report::Noted(
                    "waits for another large image, so that memory suffices".into(),
                ));
            }),
            report,
        }
    }

    /// Records that an earlier run settled a blob.
    pub fn remember(&self, registry: &Registry, repository: &Repository, digest: &Digest) {
        let state = self.state(&registry.clone().into());
        let scope = Scope::Repository(repository.clone());
        state.claims.remember(digest.clone(), scope);
    }

    /// Records that an earlier run may have written to a repository.
    ///
    /// # Errors
    /// If the registry's settings cannot be used.
    pub fn mark_used(
        &self,
        registry: &Registry,
        repository: &Repository,
    ) -> Result<(), registry::Error> {
        self.stores.mark_used(registry, repository)
    }

    /// Changes a limit of a store.
    pub fn set_limit(&self, store: &Store, limit: RegistryLimit) {
        self.stores.set_limit(store, limit);
    }

    /// The stores that the engine uses.
    #[must_use]
    pub fn stores(&self) -> &Arc<Stores> {
        &self.stores
    }

    /// The clients that the engine uses.
    #[must_use]
    pub fn clients(&self) -> &Arc<Clients> {
        self.stores.clients()
    }

    /// Cancels all open upload sessions at the end of the batch: no later run can continue them, because the journal does
    /// not have them. Ends after [`MAX_CANCEL_TIME`] even if registries did not answer.
    pub async fn cancel_uploads(&self) {
        let _ = timeout(MAX_CANCEL_TIME, self.stores.cancel_uploads()).await;
    }

    /// The status of each store used so far, ordered by name.
    #[must_use]
    pub fn registries(&self) -> Vec<RegistryStatus> {
        self.stores.in_use()
    }

    /// The registries whose circuit breaker is open and that need a probe.
    #[must_use]
    pub fn to_probe(&self) -> Vec<Arc<Client>> {
        let mut clients = self.stores.clients().in_use();
        clients.retain(|client| client.limiter().wants_probe());
        clients
    }

    /// Asks a registry once, before another program copies images of it, whether it answers and takes the credentials:
    /// with one attempt for each image, a wrong password would lock the account.
    ///
    /// # Errors
    /// If it refuses the credentials. Whatever else is wrong, the other program finds out.
    pub async fn check_login(&self, side: Side, registry: &Registry) -> Result<(), CopyError> {
        let state = self.state(&registry.clone().into());
        let check = async || match self.stores.clients().get(registry) {
            Ok(client) => match client.check_credentials().await {
                Err(error) if matches!(*error.cause, ErrorCause::Auth(_)) => {
                    Err(blame(side)(error))
                }
                Ok(()) | Err(_) => Ok(()),
            },
            Err(_) => Ok(()),
        };
        state.login.get_or_try_init(check).await.copied()
    }

    /// Asks a registry that another program could not reach whether it answers. Returns the time until it is asked
    /// again, if it was reached before and does not answer now.
    pub async fn probe(&self, registry: &Registry) -> Option<Duration> {
        let client = self.stores.clients().get(registry).ok()?;
        client.probe().await;
        client.status().throttled_ms.map(Into::into)
    }

    async fn sides(&self, job: &Job) -> Result<Sides, CopyError> {
        let (from, to) = (&job.spec.source, &job.spec.destination);
        let source = self.stores.source_of(&job.spec);
        let source = source.await.map_err(blame(Side::Source))?;
        let destination = self.stores.destination(to);
        let destination = destination.await.map_err(blame(Side::Destination))?;
        Ok(Sides {
            source: image_context::Side {
                image: source,
                scope: Scope::of(from),
                state: self.state(&from.store()),
            },
            destination: image_context::Side {
                image: destination,
                scope: Scope::of(to),
                state: self.state(&to.store()),
            },
        })
    }

    fn state(&self, store: &Store) -> Arc<StoreState> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = states.get(store) {
            return Arc::clone(state);
        }
        let registry = store.registry();
        let command =
            registry.and_then(|registry| Some((registry, self.create_commands.get(registry)?)));
        let provisioner = command.map(|(registry, command)| {
            RepositoryProvisioner::new(registry.clone(), command.clone())
        });
        let state = Arc::new(StoreState {
            provisioner,
            tag_log: self.tag_log.get().cloned(),
            ..StoreState::default()
        });
        states.insert(store.clone(), Arc::clone(&state));
        state
    }
}

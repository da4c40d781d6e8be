//! The copy engine of a batch.
//!
//! Keeps the state of each registry for the whole batch. Invariant: all images share connections, tokens, claims and
//! what was learned about a registry.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use tokio::time::timeout;

use super::{
    CopyError, CopyOutcome, Report,
    error::blame,
    image_context::ImageContext,
    image_copy::copy_image,
    plan_cache::PlanCache,
    preflight::{PreflightOutcome, preflight},
    provisioner::{CreateCommand, RepositoryProvisioner},
    registry_state::RegistryState,
};
use crate::{
    batch::{Job, RegistryLimit, RegistryStatus, Side},
    oci::{Digest, Registry, Repository, Store},
    registry::{self, Client, Clients, ImageBudget, StreamQueue},
};

/// How long the end of a batch waits for registries to cancel uploads.
const MAX_CANCEL_TIME: Duration = Duration::from_secs(3);
/// Concurrent requests that cancel uploads.
const MAX_CANCELS: usize = 16;

pub struct Engine {
    clients: Arc<Clients>,
    create_commands: HashMap<Registry, CreateCommand>,
    registries: Mutex<HashMap<Registry, Arc<RegistryState>>>,
    plan_cache: PlanCache,
    streams: StreamQueue,
}

impl Engine {
    /// An engine that copies between the registries of `clients`.
    #[must_use]
    pub fn new(clients: Arc<Clients>) -> Self {
        Self {
            clients,
            create_commands: HashMap::new(),
            registries: Mutex::default(),
            plan_cache: PlanCache::default(),
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

    /// Copies one image, and reports its progress to `report`, in order.
    ///
    /// # Errors
    /// The side that failed and why. Blobs that were settled stay settled.
    pub async fn copy(
        &self,
        job: &Job,
        report: &(dyn Fn(Report) + Send + Sync),
    ) -> Result<CopyOutcome, CopyError> {
        let registries = self.registry_states(job)?;
        copy_image(&self.image(job, &registries, report)).await
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
        let registries = self.registry_states(job)?;
        preflight(&self.image(job, &registries, report)).await
    }

    fn image<'a>(
        &'a self,
        job: &'a Job,
        [source, destination]: &'a [Arc<RegistryState>; 2],
        report: &'a (dyn Fn(Report) + Send + Sync),
    ) -> ImageContext<'a> {
        let (Some(source_reference), Some(destination_reference)) = (
            job.spec.source.reference(),
            job.spec.destination.reference(),
        ) else {
            unreachable!()
        };
        ImageContext {
            job,
            source_reference,
            destination_reference,
            source,
            destination,
            plan_cache: &self.plan_cache,
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
    ///
    /// # Errors
    /// If the registry's settings cannot be used.
    pub fn remember(
        &self,
        registry: &Registry,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<(), registry::Error> {
        self.registry_state(registry)?
            .claims
            .remember(digest.clone(), repository.clone());
        Ok(())
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
        self.registry_state(registry)?
            .new_repositories
            .mark_used(repository);
        Ok(())
    }

    /// Changes a limit of a store.
    pub fn set_limit(&self, store: &Store, limit: RegistryLimit) {
        // A registry that cannot be reached as configured has nothing to limit.
        if let Some(Ok(client)) = store.registry().map(|registry| self.clients.get(registry)) {
            client.limiter().set(limit);
        }
    }

    /// The clients that the engine uses.
    #[must_use]
    pub fn clients(&self) -> &Arc<Clients> {
        &self.clients
    }

    /// Cancels all open upload sessions at the end of the batch: no later run can continue them, because the journal does
    /// not have them. Ends after [`MAX_CANCEL_TIME`] even if registries did not answer.
    pub async fn cancel_uploads(&self) {
        let mut open = Vec::new();
        {
            let registries = self
                .registries
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            for state in registries.values() {
                state.suspended.abandon_all();
                let sessions = state.abandoned.take().into_iter();
                open.extend(sessions.map(|session| (Arc::clone(&state.client), session)));
            }
        }
        let cancels =
            stream::iter(open).for_each_concurrent(MAX_CANCELS, |(client, session)| async move {
                // Some registries do not support this; all remove old sessions by themselves.
                let _ = client.cancel_upload(&session).await;
            });
        let _ = timeout(MAX_CANCEL_TIME, cancels).await;
    }

    /// The status of each registry used so far, ordered by name.
    #[must_use]
    pub fn registries(&self) -> Vec<RegistryStatus> {
        let clients = self.clients.in_use().into_iter();
        clients.map(|client| client.status()).collect()
    }

    /// The registries whose circuit breaker is open and that need a probe.
    #[must_use]
    pub fn to_probe(&self) -> Vec<Arc<Client>> {
        let mut clients = self.clients.in_use();
        clients.retain(|client| client.limiter().wants_probe());
        clients
    }

    /// Source and destination of an image.
    fn registry_states(&self, job: &Job) -> Result<[Arc<RegistryState>; 2], CopyError> {
        let source = self.registry_state(job.spec.source.registry().unwrap());
        let destination = self.registry_state(job.spec.destination.registry().unwrap());
        Ok([
            source.map_err(blame(Side::Source))?,
            destination.map_err(blame(Side::Destination))?,
        ])
    }

    fn registry_state(&self, registry: &Registry) -> Result<Arc<RegistryState>, registry::Error> {
        let mut registries = self
            .registries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = registries.get(registry) {
            return Ok(Arc::clone(state));
        }
        let provisioner = self.create_commands.get(registry);
        let provisioner = provisioner
            .map(|command| RepositoryProvisioner::new(registry.clone(), command.clone()));
        let state = Arc::new(RegistryState::new(self.clients.get(registry)?, provisioner));
        registries.insert(registry.clone(), Arc::clone(&state));
        Ok(state)
    }
}

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
    batch::{JobId, Side},
    oci::{Attachments, Digest, OnExisting, Platform, Reference, Registry, Repository},
    registry::{self, Client, ImageBudget, LimiterSample, Settings, StreamQueue, UploadMode},
};

/// How long the end of a batch waits for registries to cancel uploads.
const MAX_CANCEL_TIME: Duration = Duration::from_secs(3);
/// Concurrent requests that cancel uploads.
const MAX_CANCELS: usize = 16;

/// One image to copy.
#[derive(Clone, Debug)]
pub struct CopyRequest {
    pub image: JobId,
    pub source: Reference,
    pub destination: Reference,
    /// Which children of an index to copy; empty means all.
    pub platforms: Vec<Platform>,
    /// What goes along with the image.
    pub attachments: Attachments,
    /// What happens to a destination tag that names another image.
    pub on_existing: OnExisting,
}

pub struct Engine {
    settings: HashMap<Registry, Settings>,
    others: Box<dyn Fn(&Registry) -> Settings + Send + Sync>,
    create_commands: HashMap<Registry, CreateCommand>,
    registries: Mutex<HashMap<Registry, Arc<RegistryState>>>,
    plan_cache: PlanCache,
    streams: StreamQueue,
}

impl Engine {
    /// An engine that reaches registries as `settings` say, others with the defaults.
    #[must_use]
    pub fn new(settings: HashMap<Registry, Settings>) -> Self {
        Self {
            settings,
            others: Box::new(|_| Settings::default()),
            create_commands: HashMap::new(),
            registries: Mutex::default(),
            plan_cache: PlanCache::default(),
            streams: StreamQueue::default(),
        }
    }

    /// Reaches registries without settings as `others` says instead.
    #[must_use]
    pub fn with_others(
        self,
        others: impl Fn(&Registry) -> Settings + Send + Sync + 'static,
    ) -> Self {
        let others = Box::new(others);
        Self { others, ..self }
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
        order: &CopyRequest,
        report: &(dyn Fn(Report) + Send + Sync),
    ) -> Result<CopyOutcome, CopyError> {
        let registries = self.registry_states(order)?;
        copy_image(&self.image(order, &registries, report)).await
    }

    /// Finds out what copying one image takes, and writes nothing. The copy does not ask again for what was reported.
    ///
    /// # Errors
    /// As [`Engine::copy`].
    pub async fn preflight(
        &self,
        order: &CopyRequest,
        report: &(dyn Fn(Report) + Send + Sync),
    ) -> Result<PreflightOutcome, CopyError> {
        let registries = self.registry_states(order)?;
        preflight(&self.image(order, &registries, report)).await
    }

    fn image<'a>(
        &'a self,
        order: &'a CopyRequest,
        [source, destination]: &'a [Arc<RegistryState>; 2],
        report: &'a (dyn Fn(Report) + Send + Sync),
    ) -> ImageContext<'a> {
        ImageContext {
            job: order,
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

    /// The client of a registry, shared with the copies.
    ///
    /// # Errors
    /// If the registry's settings cannot be used.
    pub fn client(&self, registry: &Registry) -> Result<Arc<Client>, registry::Error> {
        Ok(Arc::clone(&self.registry_state(registry)?.client))
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

    /// The limiter's sample and the upload mode of each registry used so far.
    #[must_use]
    pub fn registries(&self) -> Vec<(Registry, LimiterSample, UploadMode)> {
        let registries = self
            .registries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut samples: Vec<_> = registries
            .iter()
            .map(|(registry, state)| {
                let client = &state.client;
                (
                    registry.clone(),
                    client.limiter().sample(),
                    client.upload_mode(),
                )
            })
            .collect();
        samples.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        samples
    }

    /// The registries whose circuit breaker is open and that need a probe.
    #[must_use]
    pub fn to_probe(&self) -> Vec<Arc<Client>> {
        let registries = self
            .registries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let down = registries
            .values()
            .filter(|state| state.client.limiter().wants_probe());
        down.map(|state| Arc::clone(&state.client)).collect()
    }

    /// Source and destination of an image.
    fn registry_states(&self, order: &CopyRequest) -> Result<[Arc<RegistryState>; 2], CopyError> {
        let source = self.registry_state(&order.source.registry);
        let destination = self.registry_state(&order.destination.registry);
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
        let settings = self.settings.get(registry).cloned();
        let settings = settings.unwrap_or_else(|| (self.others)(registry));
        let provisioner = self.create_commands.get(registry);
        let provisioner = provisioner
            .map(|command| RepositoryProvisioner::new(registry.clone(), command.clone()));
        let state = Arc::new(RegistryState::new(
            Client::new(registry.clone(), settings)?,
            provisioner,
        ));
        registries.insert(registry.clone(), Arc::clone(&state));
        Ok(state)
    }
}

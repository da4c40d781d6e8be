//! The stores of a program: each is opened at its first use.
//!
//! Decides which store a location is in. Invariant: whoever shares a [`Stores`] shares connections, limits, locks and
//! what was learned about each store.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future;
use tokio::sync::OnceCell;

use super::{
    Destination, Error, LayerFormat, OpenStore, Source,
    local::{LocalSettings, open_local},
    registry::{OpenRegistry, RegistryImage},
};
use crate::{
    batch::{RegistryLimit, RegistryStatus, UploadMode},
    oci::{LocalStore, Location, Reference, Registry, Repository, Store},
    registry::{self, Clients},
};

type OpenLocalStore = Arc<OnceCell<Arc<dyn OpenStore>>>;

pub struct Stores {
    clients: Arc<Clients>,
    settings: LocalSettings,
    registries: Mutex<HashMap<Registry, Arc<OpenRegistry>>>,
    local: Mutex<BTreeMap<LocalStore, OpenLocalStore>>,
}

impl Stores {
    /// The registries of `clients`, and the stores of this machine.
    #[must_use]
    pub fn new(clients: Arc<Clients>, settings: LocalSettings) -> Self {
        Self {
            clients,
            settings,
            registries: Mutex::default(),
            local: Mutex::default(),
        }
    }

    #[must_use]
    pub fn clients(&self) -> &Arc<Clients> {
        &self.clients
    }

    /// What an image is read from.
    ///
    /// # Errors
    /// If the store cannot be opened. A missing image is found out when it is read.
    pub async fn source(
        &self,
        location: &Location,
        layers: LayerFormat,
    ) -> Result<Arc<dyn Source>, Error> {
        match location {
            Location::Registry(reference) => Ok(self.registry_image(reference)?),
            Location::Local(image) => {
                let store = self.open(&image.store).await?;
                store.source(image.name.as_ref(), layers).await
            }
        }
    }

    /// What an image is written to.
    ///
    /// # Errors
    /// If the store cannot be opened for writing.
    pub async fn destination(&self, location: &Location) -> Result<Arc<dyn Destination>, Error> {
        match location {
            Location::Registry(reference) => Ok(self.registry_image(reference)?),
            Location::Local(image) => {
                let store = self.open(&image.store).await?;
                store.destination(image.name.as_ref()).await
            }
        }
    }

    /// A store of this machine.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub async fn open(&self, store: &LocalStore) -> Result<Arc<dyn OpenStore>, Error> {
        let cell = Arc::clone(self.local().entry(store.clone()).or_default());
        let opened = cell.get_or_try_init(|| open_local(store, &self.settings));
        Ok(Arc::clone(opened.await?))
    }

    /// The repositories of a registry, as it spells them; they may not be valid names.
    ///
    /// # Errors
    /// If the registry does not list them, or more than 250,000.
    pub async fn repositories(&self, registry: &Registry) -> Result<Vec<String>, Error> {
        Ok(self.clients.get(registry)?.repositories().await?)
    }

    /// The tags of a repository, as the registry spells them; they may not be valid tags.
    ///
    /// # Errors
    /// Also if there are more than 250,000.
    pub async fn tags(
        &self,
        registry: &Registry,
        repository: &Repository,
    ) -> Result<Vec<String>, Error> {
        Ok(self.clients.get(registry)?.tags(repository).await?)
    }

    /// An earlier run wrote to this repository, and it may hold more than the journal recorded.
    ///
    /// # Errors
    /// If the registry's settings cannot be used.
    pub fn mark_used(
        &self,
        registry: &Registry,
        repository: &Repository,
    ) -> Result<(), registry::Error> {
        self.registry(registry)?.mark_used(repository);
        Ok(())
    }

    /// Changes a limit. A store that cannot be opened has nothing to limit.
    pub fn set_limit(&self, store: &Store, limit: RegistryLimit) {
        match store {
            Store::Registry(registry) => {
                if let Ok(client) = self.clients.get(registry) {
                    client.limiter().set(limit);
                }
            }
            Store::Local(store) => {
                if let Some(store) = self.local().get(store).and_then(|cell| cell.get()) {
                    store.limiter().set(limit);
                }
            }
        }
    }

    /// The status of each store used so far, ordered by name.
    #[must_use]
    pub fn in_use(&self) -> Vec<RegistryStatus> {
        let registries = self.clients.in_use();
        let mut statuses: Vec<_> = registries.iter().map(|client| client.status()).collect();
        statuses.extend(self.local().iter().filter_map(|(store, cell)| {
            let limiter = cell.get()?.limiter();
            Some(limiter.status(Store::Local(store.clone()), UploadMode::Whole))
        }));
        statuses
    }

    /// Cancels all open upload sessions at registries: nobody continues them.
    pub async fn cancel_uploads(&self) {
        let registries: Vec<_> = self.registries().values().cloned().collect();
        future::join_all(registries.iter().map(|registry| registry.cancel_uploads())).await;
    }

    /// Ends a batch at the stores of this machine: packs archives, loads images into daemons.
    ///
    /// # Errors
    /// The first store that failed. The others have ended.
    pub async fn finish(&self) -> Result<(), Error> {
        let stores: Vec<_> = (self.local().values())
            .filter_map(|cell| cell.get().cloned())
            .collect();
        let mut finished = Ok(());
        for store in stores {
            finished = finished.and(store.finish().await);
        }
        finished
    }

    fn registry_image(&self, reference: &Reference) -> Result<Arc<RegistryImage>, Error> {
        let registry = self.registry(&reference.registry)?;
        Ok(Arc::new(RegistryImage::new(registry, reference)))
    }

    fn registry(&self, registry: &Registry) -> Result<Arc<OpenRegistry>, registry::Error> {
        let mut registries = self.registries();
        if let Some(open) = registries.get(registry) {
            return Ok(Arc::clone(open));
        }
        let open = Arc::new(OpenRegistry::new(self.clients.get(registry)?));
        registries.insert(registry.clone(), Arc::clone(&open));
        Ok(open)
    }

    fn registries(&self) -> MutexGuard<'_, HashMap<Registry, Arc<OpenRegistry>>> {
        self.registries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn local(&self) -> MutexGuard<'_, BTreeMap<LocalStore, OpenLocalStore>> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

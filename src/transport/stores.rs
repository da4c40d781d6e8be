//! The stores of a program: each is opened at its first use.
//!
//! Decides which store a location is in. Invariant: whoever shares a [`Stores`] shares connections, limits, locks and
//! what was learned about each store.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    Codec, Completion, Destination, Error, LayerFormat, LayerSpool, OpenStore, Source,
    converted_source::ConvertedSource,
    local::{LocalSettings, open_local},
    registry::{OpenRegistry, RegistryImage},
};
use crate::{
    batch::{RegistryLimit, RegistryStatus, StoreUsage, UploadMode},
    oci::{
        Compression, CopySpec, LocalStore, Location, ManifestFormat, Reference, Registry,
        Repository, Store, Transport,
    },
    registry::{self, Clients},
};
use futures_util::future;

pub struct Stores {
    clients: Arc<Clients>,
    settings: LocalSettings,
    registries: Mutex<HashMap<Registry, Arc<OpenRegistry>>>,
    local: Mutex<BTreeMap<LocalStore, Arc<dyn OpenStore>>>,
}

/// How a batch ended at one store.
#[derive(Debug)]
pub struct Finished {
    pub store: LocalStore,
    pub result: Result<Completion, Error>,
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

    /// Where compressed layers are kept until they are copied.
    #[must_use]
    pub fn spool(&self) -> &LayerSpool {
        &self.settings.spool
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
                let store = self.open(&image.store);
                store.source(image.name.as_ref(), layers).await
            }
        }
    }

    /// What the image of a copy is read from, in the form that the copy has.
    ///
    /// # Errors
    /// As [`source`](Self::source).
    pub async fn source_of(&self, copy: &CopySpec) -> Result<Arc<dyn Source>, Error> {
        let layers = layers_for(&copy.destination, copy.compression);
        let source = self.source(&copy.source, layers).await?;
        let format = copy.format.or_else(|| format_of_new_manifests(copy));
        Ok(in_format(source, format))
    }

    /// What the image of a copy is compared with: manifests in the form that the copy has, layers as they are stored.
    ///
    /// # Errors
    /// As [`source`](Self::source).
    pub async fn compared_source_of(&self, copy: &CopySpec) -> Result<Arc<dyn Source>, Error> {
        let source = self.source(&copy.source, LayerFormat::AsStored).await?;
        Ok(in_format(source, copy.format))
    }

    /// What an image is written to.
    ///
    /// # Errors
    /// If the store cannot be opened for writing.
    pub async fn destination(&self, location: &Location) -> Result<Arc<dyn Destination>, Error> {
        match location {
            Location::Registry(reference) => Ok(self.registry_image(reference)?),
            Location::Local(image) => {
                let store = self.open(&image.store);
                store.destination(image.name.as_ref()).await
            }
        }
    }

    /// A store of this machine. Opens no file yet.
    #[must_use]
    pub fn open(&self, store: &LocalStore) -> Arc<dyn OpenStore> {
        let mut local = self.local();
        if let Some(open) = local.get(store) {
            return Arc::clone(open);
        }
        let open = open_local(store, &self.settings);
        local.insert(store.clone(), Arc::clone(&open));
        open
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
                if let Some(store) = self.local().get(store) {
                    store.limiter().set(limit);
                }
            }
        }
    }

    /// How each store was used until now.
    #[must_use]
    pub fn usage(&self) -> Vec<StoreUsage> {
        let registries = self.clients.in_use();
        let mut usage: Vec<_> = registries.iter().map(|client| client.usage()).collect();
        usage.extend(self.local().iter().map(|(store, open)| {
            (open.limiter()).usage(Store::Local(store.clone()), UploadMode::Whole)
        }));
        usage
    }

    /// The status of each store used so far, ordered by name.
    #[must_use]
    pub fn in_use(&self) -> Vec<RegistryStatus> {
        let registries = self.clients.in_use();
        let mut statuses: Vec<_> = registries.iter().map(|client| client.status()).collect();
        statuses.extend(self.local().iter().map(|(store, open)| {
            (open.limiter()).status(Store::Local(store.clone()), UploadMode::Whole)
        }));
        statuses
    }

    /// Cancels all open upload sessions at registries: nobody continues them.
    pub async fn cancel_uploads(&self) {
        let registries: Vec<_> = self.registries().values().cloned().collect();
        future::join_all(registries.iter().map(|registry| registry.cancel_uploads())).await;
    }

    /// Takes up what an interrupted batch left to be finished at its destinations.
    ///
    /// # Errors
    /// The first store that cannot be opened.
    pub async fn reopen(
        &self,
        destinations: impl IntoIterator<Item = &Location>,
    ) -> Result<(), Error> {
        let stores: BTreeSet<&LocalStore> = destinations
            .into_iter()
            .filter_map(|location| Some(&location.local()?.store))
            .collect();
        for store in stores {
            self.open(store).reopen().await?;
        }
        Ok(())
    }

    /// The stores that [`finish`](Self::finish) has to end.
    #[must_use]
    pub fn unfinished(&self) -> Vec<LocalStore> {
        let local = self.local();
        let unfinished = local.iter().filter(|(_, open)| open.is_unfinished());
        unfinished.map(|(store, _)| store.clone()).collect()
    }

    /// Ends a batch at the stores of this machine: packs archives, loads images into daemons. `is_complete` says that no
    /// image of the batch failed.
    pub async fn finish(&self, is_complete: bool) -> Vec<Finished> {
        let mut finished = Vec::new();
        for store in self.unfinished() {
            let result = self.open(&store).finish(is_complete).await;
            finished.push(Finished { store, result });
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

    fn local(&self) -> MutexGuard<'_, BTreeMap<LocalStore, Arc<dyn OpenStore>>> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The image with manifests of this format.
fn in_format(source: Arc<dyn Source>, format: Option<ManifestFormat>) -> Arc<dyn Source> {
    match format {
        Some(format) => Arc::new(ConvertedSource::new(source, format)),
        None => source,
    }
}

/// How a destination wants layers that are not compressed where they come from.
fn layers_for(destination: &Location, compression: Option<Compression>) -> LayerFormat {
    let is_compressed = match destination.local().map(|image| image.store.transport) {
        None | Some(Transport::Oci | Transport::OciArchive) => true,
        Some(Transport::Dir) => compression.is_some(),
        // Docker's archives and daemons cannot hold compressed layers.
        Some(Transport::DockerArchive | Transport::DockerDaemon | Transport::ContainersStorage) => {
            false
        }
    };
    match compression.unwrap_or_default() {
        Compression::Gzip if is_compressed => LayerFormat::Compressed(Codec::Gzip),
        Compression::Zstd if is_compressed => LayerFormat::Compressed(Codec::Zstd),
        Compression::Gzip | Compression::Zstd | Compression::None => LayerFormat::AsStored,
    }
}

/// The format of manifests that are made when the image is read: skopeo finds only OCI's in a layout.
fn format_of_new_manifests(copy: &CopySpec) -> Option<ManifestFormat> {
    let transport = |location: &Location| location.local().map(|image| image.store.transport);
    match (transport(&copy.source)?, transport(&copy.destination)?) {
        (
            Transport::DockerArchive | Transport::DockerDaemon | Transport::ContainersStorage,
            Transport::Oci | Transport::OciArchive,
        ) => Some(ManifestFormat::Oci),
        _ => None,
    }
}

//! The clients of a program: one per registry, made at its first use.
//!
//! Decides which settings a registry has. Invariant: whoever shares a [`Clients`] shares connections, tokens, limits
//! and what was learned about each registry.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Client, Error, Settings};
use crate::oci::Registry;

pub struct Clients {
    settings: HashMap<Registry, Settings>,
    other_settings: Box<dyn Fn(&Registry) -> Settings + Send + Sync>,
    clients: Mutex<BTreeMap<Registry, Arc<Client>>>,
}

impl Clients {
    /// Clients with these settings. Registries without any have the default ones.
    #[must_use]
    pub fn new(settings: HashMap<Registry, Settings>) -> Self {
        Self {
            settings,
            other_settings: Box::new(|_| Settings::default()),
            clients: Mutex::default(),
        }
    }

    /// Uses `other_settings` instead for registries without settings.
    #[must_use]
    pub fn with_other_settings(
        self,
        other_settings: impl Fn(&Registry) -> Settings + Send + Sync + 'static,
    ) -> Self {
        let other_settings = Box::new(other_settings);
        Self {
            other_settings,
            ..self
        }
    }

    /// The client of `registry`. Sends nothing.
    ///
    /// # Errors
    /// If the settings cannot be used.
    pub fn get(&self, registry: &Registry) -> Result<Arc<Client>, Error> {
        let mut clients = self.lock();
        if let Some(client) = clients.get(registry) {
            return Ok(Arc::clone(client));
        }
        let settings = self.settings.get(registry).cloned();
        let settings = settings.unwrap_or_else(|| (self.other_settings)(registry));
        let client = Arc::new(Client::new(registry.clone(), settings)?);
        clients.insert(registry.clone(), Arc::clone(&client));
        Ok(client)
    }

    /// The clients used so far, ordered by registry.
    #[must_use]
    pub fn in_use(&self) -> Vec<Arc<Client>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Registry, Arc<Client>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Clients {
    fn default() -> Self {
        Self::new(HashMap::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Limits;

    fn with_streams(streams: u16) -> Settings {
        let limits = Limits {
            streams,
            ..Limits::default()
        };
        Settings {
            limits,
            ..Settings::default()
        }
    }

    #[test]
    fn a_registry_has_one_client_with_its_own_settings_or_those_of_all_others() {
        let [one, other]: [Registry; 2] =
            ["b.example", "a.example"].map(|name| name.parse().unwrap());
        let clients = Clients::new([(one.clone(), with_streams(2))].into())
            .with_other_settings(|_| with_streams(3));
        let client = clients.get(&one).unwrap();
        assert!(Arc::ptr_eq(&client, &clients.get(&one).unwrap()));
        let streams = |registry| clients.get(registry).unwrap().status().stream_limit;
        assert_eq!((streams(&one), streams(&other)), (2, 3));
        let in_use = clients.in_use();
        let in_use: Vec<_> = in_use.iter().map(|client| client.registry()).collect();
        assert_eq!(in_use, [&other, &one]);
    }
}

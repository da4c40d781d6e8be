//! How commands that look into registries reach them.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use clap::Args;

use super::{lists, settings, shown};
use crate::{
    copy::Engine,
    inspect::Inspector,
    list::List,
    oci::Registry,
    registry::{Client, Settings},
};

#[derive(Args)]
pub(super) struct RegistryArguments {
    /// Reach registries as this list says: credentials, TLS, proxies.
    #[arg(long = "as-in", value_name = "LIST")]
    list: Option<PathBuf>,
    /// Speak plain HTTP, which is implied for this machine.
    #[arg(long)]
    plain_http: bool,
}

/// Clients of the registries a command looks into.
pub(super) struct Registries(Arc<Engine>);

impl RegistryArguments {
    /// Clients as asked for; `registries` are the ones the command names.
    pub(super) async fn open<'a>(
        &self,
        registries: impl IntoIterator<Item = &'a Registry>,
    ) -> anyhow::Result<Registries> {
        let mut all = HashMap::new();
        if let Some(file) = &self.list {
            let list = List::parse(&shown(file), &lists::read(file)?);
            let list = list.map_err(|mistakes| {
                lists::report(&mistakes);
                anyhow::anyhow!("the list {} has mistakes", shown(file))
            })?;
            all = settings::of(&list).await?;
        }
        Ok(self.with(all, registries))
    }

    /// Clients with settings that are known already.
    pub(super) fn with<'a>(
        &self,
        mut settings: HashMap<Registry, Settings>,
        registries: impl IntoIterator<Item = &'a Registry>,
    ) -> Registries {
        if self.plain_http {
            for registry in registries {
                settings.entry(registry.clone()).or_default().plain_http = Some(true);
            }
        }
        Registries(Arc::new(Engine::new(settings)))
    }
}

impl Registries {
    pub(super) fn client(&self, registry: &Registry) -> anyhow::Result<Arc<Client>> {
        Ok(self.0.client(registry)?)
    }

    pub(super) fn inspector(&self) -> Inspector {
        let engine = Arc::clone(&self.0);
        Inspector::new(move |registry| engine.client(registry))
    }
}

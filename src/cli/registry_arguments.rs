//! The options for commands that read registries.

use std::{path::PathBuf, sync::Arc};

use clap::Args;

use super::{
    list_source::{ListSource, TrustArguments},
    output::shown,
    registry_settings,
};
use crate::{
    inspect::Inspector,
    list::List,
    oci::Registry,
    registry::{Client, Clients},
};

#[derive(Args)]
pub(super) struct RegistryArguments {
    /// Use the registry settings of this list: credentials, TLS, proxies.
    #[arg(long = "as-in", value_name = "LIST")]
    list: Option<PathBuf>,
    #[command(flatten)]
    pub(super) trust: TrustArguments,
    /// Use plain HTTP; the default for loopback addresses.
    #[arg(long)]
    plain_http: bool,
}

/// Clients of the registries a command looks into.
pub(super) struct Registries(Arc<Clients>);

impl RegistryArguments {
    /// Clients as asked for; `registries` are the ones the command names.
    pub(super) fn open(&self, registries: &[Registry]) -> anyhow::Result<Registries> {
        let list = match &self.list {
            None => None,
            Some(file) => Some(
                ListSource::read(file)?
                    .parse(self.trust)
                    .map_err(|_| anyhow::anyhow!("the list {} cannot be used", shown(file)))?,
            ),
        };
        self.reach(list.as_ref(), registries)
    }

    /// Clients of the registries of a list that was read already.
    pub(super) fn open_for(&self, list: &List) -> anyhow::Result<Registries> {
        let registries: Vec<Registry> = list.registries.keys().cloned().collect();
        self.reach(Some(list), &registries)
    }

    fn reach(&self, list: Option<&List>, registries: &[Registry]) -> anyhow::Result<Registries> {
        let plain_http = if self.plain_http { registries } else { &[] };
        let clients = registry_settings::clients(list, plain_http)?;
        Ok(Registries(Arc::new(clients)))
    }
}

impl Registries {
    pub(super) fn client(&self, registry: &Registry) -> anyhow::Result<Arc<Client>> {
        Ok(self.0.get(registry)?)
    }

    pub(super) fn clients(&self) -> &Clients {
        &self.0
    }

    pub(super) fn inspector(&self) -> Inspector {
        Inspector::new(Arc::clone(&self.0))
    }
}

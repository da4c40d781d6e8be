//! The options for commands that read stores.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;

use super::{
    credentials_file::CredentialsFileArguments,
    list_source::{ListSource, TrustArguments},
    output::shown,
    refused_secrets::RefusedSecrets,
    registry_settings,
};
use crate::{list::List, oci::Registry, transport::Stores};

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
    #[command(flatten)]
    credentials: CredentialsFileArguments,
    #[command(flatten)]
    _secrets: RefusedSecrets,
}

impl RegistryArguments {
    /// Stores as asked for; `registries` are the ones the command names.
    pub(super) fn open(&self, registries: &[Registry]) -> anyhow::Result<Arc<Stores>> {
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

    /// Whether plain HTTP was asked for.
    pub(super) fn plain_http(&self) -> bool {
        self.plain_http
    }

    /// The list with the settings of registries, if one was named.
    pub(super) fn settings_list(&self) -> Option<&Path> {
        self.list.as_deref()
    }

    /// The stores of a list that was read already.
    pub(super) fn open_for(&self, list: &List) -> anyhow::Result<Arc<Stores>> {
        let registries: Vec<Registry> = list.registries.keys().cloned().collect();
        self.reach(Some(list), &registries)
    }

    fn reach(&self, list: Option<&List>, registries: &[Registry]) -> anyhow::Result<Arc<Stores>> {
        let plain_http = if self.plain_http { registries } else { &[] };
        Ok(Arc::new(registry_settings::stores(
            list,
            plain_http,
            &self.credentials.places(),
        )?))
    }
}

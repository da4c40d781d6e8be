//! Whether and where the metrics of a batch can be read: options, and the key `metrics` of the configuration file.
//!
//! Decides what is checked before a batch begins. Invariant: without an option or key there are no metrics.

use std::{io, path::PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::{
    configuration::Configuration,
    output::{shown, tell},
    running_metrics::PreparedMetrics,
};
use crate::metrics::{Endpoint, ListenAddress, Textfile};

#[derive(Args, Clone, Debug, Default)]
pub(super) struct MetricsArguments {
    /// Serve Prometheus metrics at this address until the batch ends: 9464, :9464, 0.0.0.0:9464, [::1]:9464. Without a
    /// host only this machine can read them; port 0 takes a free port [default: `metrics` in config.toml, else off].
    #[arg(long = "metrics", value_name = "ADDRESS")]
    address: Option<ListenAddress>,
    /// Write Prometheus metrics to this file about once a second and at the end, for node_exporter's textfile collector,
    /// which wants FILE.prom.
    #[arg(long = "metrics-file", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl MetricsArguments {
    /// Listens and checks the file. An address that is no option comes from the configuration file.
    pub(super) fn prepare(&self) -> anyhow::Result<PreparedMetrics> {
        let address = match self.address {
            Some(address) => Some(address),
            None => Configuration::read()?.metrics()?,
        };
        self.prepare_at(address)
    }

    /// The same without the configuration file, whose port is that of the batch which goes on meanwhile.
    pub(super) fn prepare_options(&self) -> anyhow::Result<PreparedMetrics> {
        self.prepare_at(self.address)
    }

    fn prepare_at(&self, address: Option<ListenAddress>) -> anyhow::Result<PreparedMetrics> {
        let file = self.file.as_ref().map(|path| {
            let failed = || format!("cannot write the metrics file {}", shown(path));
            Textfile::new(path.clone()).with_context(failed)
        });
        let file = file.transpose()?;
        Ok(PreparedMetrics {
            endpoint: address.map(listen).transpose()?,
            file,
        })
    }
}

fn listen(ListenAddress(address): ListenAddress) -> anyhow::Result<Endpoint> {
    let endpoint =
        Endpoint::bind(address).with_context(|| format!("cannot serve metrics at {address}"));
    let endpoint = endpoint.map_err(|error| match is_in_use(&error) {
        true => error.context(
            "the port of the metrics is in use; --metrics takes another one, :0 a free one",
        ),
        false => error,
    })?;
    if address.port() == 0 {
        tell(format_args!(
            "metrics: http://{}/metrics",
            endpoint.address()
        ));
    }
    Ok(endpoint)
}

fn is_in_use(error: &anyhow::Error) -> bool {
    (error.downcast_ref::<io::Error>())
        .is_some_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

//! The keys that name a store of this machine as a side of a list, as they are written.
//!
//! Decides names and types only. Invariant: each key is the name of its transport.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::oci::Transport;

/// A store of this machine; a side has one of these, or a registry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LocalKeys {
    /// A directory with an OCI image layout. Like all paths of stores, it is relative to the working directory.
    #[schemars(example = &"estate")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oci: Option<String>,
    /// A tar file with an OCI image layout.
    #[schemars(example = &"week-2.tar")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oci_archive: Option<String>,
    /// A directory with one directory for each image below it: `DIR/team/api:1.2`.
    #[schemars(example = &"images")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
    /// A file as `docker save` writes it.
    #[schemars(example = &"images.tar")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_archive: Option<String>,
    /// `true` for Docker's daemon on this machine, or its address.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_daemon: Option<DaemonKey>,
    /// `true` for podman's storage through its socket, or the address of the socket.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub containers_storage: Option<DaemonKey>,
}

/// A daemon: `true` for the default one, or an address such as `unix:///run/podman/podman.sock`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum DaemonKey {
    Default(bool),
    Address(String),
}

impl LocalKeys {
    /// The paths that are written, with their transports.
    pub fn paths_mut(&mut self) -> impl Iterator<Item = (Transport, &mut String)> {
        let paths = [
            (Transport::Oci, &mut self.oci),
            (Transport::OciArchive, &mut self.oci_archive),
            (Transport::Dir, &mut self.dir),
            (Transport::DockerArchive, &mut self.docker_archive),
        ];
        let paths = paths.into_iter();
        paths.filter_map(|(transport, path)| Some((transport, path.as_mut()?)))
    }
}

/// The JSON schema of "exactly one store": one key for each kind.
pub(super) fn one_store() -> Value {
    let kinds = Transport::ALL.map(Transport::name);
    let kinds = std::iter::once("registry").chain(kinds);
    kinds.map(|kind| json!({ "required": [kind] })).collect()
}

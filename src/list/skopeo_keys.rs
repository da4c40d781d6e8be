//! The keys of `[skopeo]`, as they are written in a list and in the configuration file.
//!
//! Decides names and types only. Invariant: no key holds a secret.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How skopeo is found and run, for images with `engine = "skopeo"`. Keys that are missing here are taken from `[skopeo]`
/// of the configuration file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct SkopeoTable {
    /// Where skopeo may run, in order of preference: in a `container`, or `local`. The default is both, in this order.
    #[schemars(length(min = 1), example = ["container", "local"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub methods: Option<Vec<String>>,
    /// The name of the running container that has skopeo. The default is `skopeo-service`.
    #[schemars(example = &"skopeo-service")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The image that the container is made of, if it does not exist. The default is `quay.io/skopeo/stable`.
    #[schemars(example = &"quay.io/skopeo/stable")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The program that runs containers: `docker` or `podman`. The default is the first that is installed.
    #[schemars(extend("enum" = ["docker", "podman"]), example = &"podman")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// The local skopeo: a name that is searched in `PATH`, or a path. The default is `skopeo`.
    #[schemars(example = &"/usr/bin/skopeo")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The directory of this machine that the container has as `/tmp/skopeo`, or both paths:
    /// `{ host = "/srv/skopeo", inside = "/tmp/skopeo" }`. Files are handed to the container there. The default is in the
    /// environment variable `SKOPEO_SHARED_DIR`.
    #[schemars(example = &"/srv/skopeo")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_dir: Option<SharedDirKey>,
    /// How long the copy of one image may take, such as `90m` or `2h`. The default is 6 hours.
    #[schemars(example = &"2h")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Further arguments of `skopeo copy`. Arguments that carry secrets are refused.
    #[schemars(example = ["--policy", "/etc/containers/policy.json"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_args: Option<Vec<String>>,
}

/// A directory that this machine and the container share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SharedDirKey {
    Host(String),
    Both(SharedDirTable),
}

/// The two paths of a directory that this machine and the container share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct SharedDirTable {
    /// Its path on this machine.
    #[schemars(example = &"/srv/skopeo")]
    pub host: String,
    /// Its path in the container. The default is `/tmp/skopeo`.
    #[schemars(example = &"/tmp/skopeo")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<String>,
}

//! A list as it is written: the one definition of its keys, their documentation and examples.
//!
//! Decides the names and the written form only; `List::parse` gives them meaning and reports mistakes.
//! The JSON schema, the hints for unknown keys and the examples in help lines all come from here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An example that is an array, written with spaces between its elements.
fn words(text: &str) -> Vec<&str> {
    text.split(' ').collect()
}

/// A list of container images to move from one registry to another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct ListFile {
    /// The version of this format: 1.
    #[schemars(range(min = 1, max = 1), example = 1)]
    pub version: u64,
    /// Where images come from whose name says no registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceTable>,
    /// Where images go to, unless `to` says another registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<DestinationTable>,
    /// Settings for further registries, by `host` or `host:port`, for references that name one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub registries: BTreeMap<String, RegistryTable>,
    /// What holds for the whole list, or for every image that does not say otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defaults: Option<DefaultsTable>,
    /// The images: references, tables, or both mixed. `[[images]]` is TOML's other way to write an
    /// array of tables; a list uses either `images = [...]` or `[[images]]`.
    #[schemars(length(min = 1), example = words("library/nginx:1.27"))]
    pub images: Vec<ImageEntry>,
    /// Rules that change destination repositories, applied in this order, each to the outcome of the one before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rewrite: Vec<RewriteTable>,
}

/// The registry images come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct SourceTable {
    /// `host` or `host:port`, without a scheme.
    #[schemars(example = "registry.example.com:5000")]
    pub registry: String,
    /// A repository path put before every name that says no registry.
    #[schemars(example = "team/project")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    #[serde(flatten)]
    pub settings: SettingsKeys,
}

/// The registry images go to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct DestinationTable {
    /// `host` or `host:port`, without a scheme.
    #[schemars(example = "harbor.example.com")]
    pub registry: String,
    /// A repository path put before every destination that says no registry, after rewrites.
    #[schemars(example = &"mirror")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// A program and its arguments, run once for each repository the registry says it does not have.
    /// `{repository}` and `{registry}` are filled in; no shell is involved.
    #[schemars(example = words("aws ecr create-repository --repository-name {repository}"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_command: Option<Vec<String>>,
    #[serde(flatten)]
    pub settings: SettingsKeys,
}

/// A registry that only full references name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct RegistryTable {
    /// As for `[destination]`.
    #[schemars(example = words("aws ecr create-repository --repository-name {repository}"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_command: Option<Vec<String>>,
    #[serde(flatten)]
    pub settings: SettingsKeys,
}

/// How to speak to a registry, and as whom.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SettingsKeys {
    /// Speak HTTP instead of HTTPS. Only `localhost` and loopback addresses are spoken to in HTTP unasked.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain_http: Option<bool>,
    /// `false` accepts any server certificate.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<bool>,
    /// A PEM file of certificate authorities to trust as well.
    #[schemars(example = "/etc/ssl/private-ca.pem")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// A directory of such files.
    #[schemars(example = "/etc/docker/certs.d/harbor.example.com")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_directory: Option<String>,
    /// A PEM file with the certificate to show the server.
    #[schemars(example = "client.cert")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// The PEM file with the key of that certificate.
    #[schemars(example = "client.key")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_key: Option<String>,
    /// A proxy for this registry, or "none"; without it, what `HTTPS_PROXY` and `NO_PROXY` say.
    #[schemars(example = "http://proxy.example.com:3128")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Follow redirects of a public registry to addresses inside this network, where its storage is reached from
    /// within.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_private_redirects: Option<bool>,
    /// Most blobs moved at once from or to this registry.
    #[schemars(range(min = 1, max = 65535), example = 8)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streams: Option<u64>,
    /// Most requests a second.
    #[schemars(range(min = 1, max = 4_294_967_295_u32), example = 50)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<u64>,
    /// Most bytes a second.
    #[schemars(example = "20MB")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<Size>,
    /// Log in as this user; the password comes from one of the three keys below.
    #[schemars(example = "robot$mirror")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The environment variable that holds the password.
    #[schemars(example = &"HARBOR_PASSWORD")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// The file that holds the password; white space at its end is left out.
    #[schemars(example = "/run/secrets/harbor")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<String>,
    /// A program and its arguments whose first line of output is the password; no shell is involved.
    #[schemars(example = words("pass show harbor"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_command: Option<Vec<String>>,
    /// The environment variable that holds a bearer token, used instead of a user and password.
    #[schemars(example = &"REGISTRY_TOKEN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// Log in as nobody, even if docker or podman has credentials for this registry.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anonymous: Option<bool>,
}

/// What holds for the whole list, or for every image that does not say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct DefaultsTable {
    /// Images moved at once.
    #[schemars(range(min = 1, max = 65535), example = 16)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel: Option<u64>,
    /// How often an image is tried before it counts as failed.
    #[schemars(range(min = 1, max = 65535), example = 5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u64>,
    /// For images that say no `platforms`. An image written by digest is copied whole all the same.
    #[schemars(example = words("linux/amd64 linux/arm64"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platforms: Option<Vec<String>>,
    /// For images with neither a tag, a digest nor `tags`, and no `tag-pattern` of their own.
    #[schemars(example = "v?[0-9]+\\.[0-9]+\\.[0-9]+")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_pattern: Option<String>,
    /// For images whose tags are chosen by a filter and that say no `exclude`.
    #[schemars(example = words(".*-rc.* nightly"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude: Option<Vec<String>>,
    /// Whether what refers to an image (signatures, SBOMs, attestations) goes with it; true if not written.
    #[schemars(example = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrers: Option<bool>,
    /// Whether cosign's `.sig`, `.att` and `.sbom` tags go with an image; true if not written.
    #[schemars(example = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosign_tags: Option<bool>,
    /// Whether an image that is at its destination already is looked at for referrers and cosign tags made
    /// since, which costs a few requests for each; false if not written.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recheck_attachments: Option<bool>,
    /// What happens to a destination tag that names another image: `replace` writes it, `keep` skips the image,
    /// `fail` fails it; `replace` if not written. What a tag named is told in any case.
    #[schemars(extend("enum" = ["replace", "keep", "fail"]), example = &"keep")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_existing: Option<String>,
}

/// One image, or several that share their settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ImageEntry {
    /// A reference: `library/nginx:1.27`, `quay.io/team/api@sha256:...`. Neither tag nor digest means
    /// `latest`, or what `tag-pattern` in `[defaults]` chooses.
    Reference(String),
    Table(Box<ImageTable>),
}

/// One image, or several that share their settings, with the tags to move and how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct ImageTable {
    /// A reference, as in `images = [...]`.
    #[schemars(example = "library/nginx")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Several references that share this table's settings, instead of `name`.
    #[schemars(example = words("library/nginx:1.27 library/redis:7"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    /// The tags to move, each a job of its own.
    #[schemars(example = words("1.27 1.28"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Move the tags that this regular expression matches from their first to their last character.
    #[schemars(example = "v?[0-9]+\\.[0-9]+\\.[0-9]+")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_pattern: Option<String>,
    /// Move the tags that are versions in this range; a leading `v` and a missing minor or patch number
    /// are tolerated. Pre-releases and variants (`1.27-alpine`) only match a range that names one.
    #[schemars(example = ">=1.20, <2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semver: Option<String>,
    /// Of the tags chosen so far, move only this many with the highest versions.
    #[schemars(range(min = 1, max = 65535), example = 3)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<u64>,
    /// Leave out tags that one of these regular expressions matches, from their first to their last character.
    #[schemars(example = words(".*-rc.* nightly"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude: Option<Vec<String>>,
    /// Only these platforms of a multi-platform image, which gets a new index and so a new digest; `[]` means all.
    #[schemars(example = words("linux/amd64 linux/arm64"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platforms: Option<Vec<String>>,
    /// The destination repository, below the destination's prefix; with a registry, exactly that
    /// repository. It may have a tag if only one tag is moved. Rewrites do not apply to it.
    #[schemars(example = "base/nginx")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// As in `[defaults]`.
    #[schemars(example = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrers: Option<bool>,
    /// As in `[defaults]`.
    #[schemars(example = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosign_tags: Option<bool>,
    /// As in `[defaults]`.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recheck_attachments: Option<bool>,
    /// As in `[defaults]`.
    #[schemars(extend("enum" = ["replace", "keep", "fail"]), example = &"keep")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_existing: Option<String>,
}

/// A rule that changes destination repositories.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct RewriteTable {
    /// A regular expression. It is searched anywhere in the destination repository path, such as
    /// `library/nginx`: without registry, tag and destination prefix. What its first match covers is replaced.
    #[schemars(example = "^library/(.*)$")]
    pub from: String,
    /// What to put there; `$1` or `${name}` stand for the groups of `from`, `$$` for a dollar sign.
    #[schemars(example = "docker-hub/$1")]
    pub to: String,
}

/// A number of bytes: a number, or a text such as `20MB` (decimal) or `1GiB` (binary).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Size {
    Bytes(u64),
    Text(String),
}

//! The written form of a list: its keys, their documentation and examples.
//!
//! Decides names and types only; `List::parse` gives them meaning and reports mistakes. Invariant: the JSON schema, the
//! hints for unknown keys and the examples in help lines all come from here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    signature_keys::RequireSignature,
    skopeo_keys::SkopeoTable,
    store_keys::{LocalKeys, one_store},
};

/// An example that is an array; `text` has spaces between its elements.
fn words(text: &str) -> Vec<&str> {
    text.split(' ').collect()
}

/// A list of container images to copy from one registry or local store to another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct ListFile {
    /// The version of this format: 1.
    #[schemars(range(min = 1, max = 1), example = 1)]
    pub version: u64,
    /// The source of images whose name has no registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceTable>,
    /// The destination of images, unless `to` has another registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<DestinationTable>,
    /// Settings for further registries, by `host` or `host:port`, for references that name one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub registries: BTreeMap<String, RegistryTable>,
    /// Settings of the whole list, and of every image without its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defaults: Option<DefaultsTable>,
    /// How skopeo is found and run, for images with `engine = "skopeo"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skopeo: Option<SkopeoTable>,
    /// The images: references, tables, or both mixed. `[[images]]` is TOML's other way to write an
    /// array of tables; a list uses either `images = [...]` or `[[images]]`.
    #[schemars(length(min = 1), example = words("library/nginx:1.27"))]
    pub images: Vec<ImageEntry>,
    /// Rules that change destination repositories, applied in this order, each to the result of the one before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rewrite: Vec<RewriteTable>,
}

/// Where images come from: a registry, or a store of this machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields, extend("oneOf" = one_store()))]
pub struct SourceTable {
    /// `host` or `host:port`, without a scheme.
    #[schemars(example = "registry.example.com:5000")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    #[serde(flatten)]
    pub local: LocalKeys,
    /// A repository path put before every name without a location of its own.
    #[schemars(example = "team/project")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// What copies the images that are read from here: `native` or `skopeo`. An image's own key wins.
    #[schemars(extend("enum" = ["native", "skopeo"]), example = &"skopeo")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Copy images that are read from here only if one of these keys signed them with cosign. An image's own key wins.
    #[schemars(example = required_key())]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_signature: Option<RequireSignature>,
    #[serde(flatten)]
    pub settings: SettingsKeys,
}

/// Where images go: a registry, or a store of this machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields, extend("oneOf" = one_store()))]
pub struct DestinationTable {
    /// `host` or `host:port`, without a scheme.
    #[schemars(example = "harbor.example.com")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    #[serde(flatten)]
    pub local: LocalKeys,
    /// Archives beside `oci-archive`: blobs that they have are left out of the new one.
    #[schemars(example = words("week-1.tar week-2.tar"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Vec<String>>,
    /// A repository path put before every destination without a location of its own, after rewrites.
    #[schemars(example = &"mirror")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// What copies the images that are written here: `native` or `skopeo`. An image's own key wins.
    #[schemars(extend("enum" = ["native", "skopeo"]), example = &"skopeo")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Delete tags that no image of the list has, in the repositories of this registry that the list writes to, after
    /// all images were copied. Tags made of a digest, such as those of cosign, stay.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prune: Option<bool>,
    /// How much `prune` deletes without asking: a share of the tags in these repositories, or a number of tags.
    /// The default is 10%.
    #[schemars(example = &"10%")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prune_limit: Option<Limit>,
    /// A program and its arguments, run once for each repository that the registry does not have.
    /// `{repository}` and `{registry}` are filled in; no shell is involved.
    #[schemars(example = words("aws ecr create-repository --repository-name {repository}"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_command: Option<Vec<String>>,
    #[serde(flatten)]
    pub settings: SettingsKeys,
}

/// A registry for references that name one.
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

/// Transport, credentials and limits of a registry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SettingsKeys {
    /// Use HTTP instead of HTTPS. The default is true for `localhost` and loopback addresses only.
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
    /// A PEM file with the client certificate.
    #[schemars(example = "client.cert")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// The PEM file with the key of that certificate.
    #[schemars(example = "client.key")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_key: Option<String>,
    /// A proxy for this registry, or "none"; the default is from `HTTPS_PROXY` and `NO_PROXY`.
    #[schemars(example = "http://proxy.example.com:3128")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Follow redirects of a public registry to private addresses, for storage inside this network.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_private_redirects: Option<bool>,
    /// Blobs copied at once from or to this registry, at most.
    #[schemars(range(min = 1, max = 65535), example = 8)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streams: Option<u64>,
    /// Requests a second, at most.
    #[schemars(range(min = 1, max = 4_294_967_295_u32), example = 50)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<u64>,
    /// Bytes a second, at most.
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
    /// The file that holds the password; white space at its end is ignored.
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
    /// Use no credentials, even if docker or podman has some for this registry.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anonymous: Option<bool>,
}

/// Settings of the whole list, and of every image without its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct DefaultsTable {
    /// Images copied at once.
    #[schemars(range(min = 1, max = 65535), example = 16)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel: Option<u64>,
    /// Attempts per image, the first included.
    #[schemars(range(min = 1, max = 65535), example = 5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u64>,
    /// For images without `platforms`. An image whose destination is a digest is copied with all platforms.
    #[schemars(example = words("linux/amd64 linux/arm64"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platforms: Option<Vec<String>>,
    /// For images with neither a tag, a digest nor `tags`, and no `tag-pattern` of their own.
    #[schemars(example = "v?[0-9]+\\.[0-9]+\\.[0-9]+")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_pattern: Option<String>,
    /// For images whose tags are chosen by a filter without `exclude`.
    #[schemars(example = words(".*-rc.* nightly"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude: Option<Vec<String>>,
    #[serde(flatten)]
    pub copy: CopyKeys,
}

/// What goes along with an image, and what it may replace. In `[defaults]` for all images, in a table for its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CopyKeys {
    /// Whether what refers to an image (signatures, SBOMs, attestations) is copied with it. The default is true.
    #[schemars(example = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrers: Option<bool>,
    /// Whether cosign's `.sig`, `.att` and `.sbom` tags are copied with an image. The default is true.
    #[schemars(example = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosign_tags: Option<bool>,
    /// Whether to look for new referrers and cosign tags of an image that is at its destination already, which costs
    /// a few requests for each. The default is false.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recheck_attachments: Option<bool>,
    /// What to do with a destination tag that names another image: `replace` overwrites it, `keep` skips the image,
    /// `fail` fails it. The default is `replace`. The digest that the tag named is reported in any case.
    #[schemars(extend("enum" = ["replace", "keep", "fail"]), example = &"keep")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_existing: Option<String>,
    /// The media types at the destination: `oci` or `docker`. A conversion changes digests. The default is those of the
    /// source, unless the destination cannot hold them.
    #[schemars(extend("enum" = ["oci", "docker"]), example = &"oci")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// How layers are compressed that the source stores uncompressed, as Docker's archives and daemons do: `gzip`,
    /// `zstd` or `none`. The default is `gzip`.
    #[schemars(extend("enum" = ["gzip", "zstd", "none"]), example = &"zstd")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<String>,
    /// What copies the image: `native` is this program, `skopeo` is a skopeo that it runs as `[skopeo]` says, which copies
    /// neither referrers nor cosign's tags. The default is `native`.
    #[schemars(extend("enum" = ["native", "skopeo"]), example = &"skopeo")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The group of the image. The images of a group are copied without their tags; once all of them are there, their
    /// tags are written together. If one fails, no tag of its group changes. Only images in registries are in groups.
    #[schemars(example = "release-42")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Copy an image only if one of these keys signed it with cosign, and fail it otherwise; `false` for no such
    /// condition. What the source reference names is checked: of an index, its own signature. Signatures by certificates
    /// (keyless) never count, because they cannot be checked offline.
    #[schemars(example = required_key())]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_signature: Option<RequireSignature>,
}

/// An example of `require-signature`.
fn required_key() -> Value {
    json!({"key": "cosign.pub"})
}

/// One image, or several that share their settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ImageEntry {
    /// A reference: `library/nginx:1.27`, `quay.io/team/api@sha256:...`. Neither tag nor digest means
    /// `latest`, or what `tag-pattern` in `[defaults]` chooses. Or a pattern of repositories, `team/*`, or a location:
    /// `docker://...`, `oci:DIR:NAME`, `docker-archive:exports/*.tar`.
    Reference(String),
    Table(Box<ImageTable>),
}

/// One image, or several that share their settings, with the tags to copy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct ImageTable {
    /// A reference, a pattern or a location, as in `images = [...]`.
    #[schemars(example = "library/nginx")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Several references that share this table's settings, instead of `name`.
    #[schemars(example = words("library/nginx:1.27 library/redis:7"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    /// The tags to copy, each a job of its own.
    #[schemars(example = words("1.27 1.28"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Copy the tags that this regular expression matches from their first to their last character.
    #[schemars(example = "v?[0-9]+\\.[0-9]+\\.[0-9]+")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_pattern: Option<String>,
    /// Copy the tags that are versions in this range; a leading `v` and a missing minor or patch number
    /// are tolerated. Pre-releases and variants (`1.27-alpine`) only match a range that names one.
    #[schemars(example = ">=1.20, <2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semver: Option<String>,
    /// Of the tags chosen so far, copy only this many with the highest versions.
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
    /// repository. It may have a tag if only one tag is copied. Or a location, such as `oci:DIR:NAME`. Rewrites do not
    /// apply to it.
    #[schemars(example = "base/nginx")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    #[serde(flatten)]
    pub copy: CopyKeys,
}

/// A rule that changes destination repositories.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct RewriteTable {
    /// A regular expression, searched in the destination repository path without registry, tag and prefix, such as
    /// `library/nginx`. Its first match is replaced.
    #[schemars(example = "^library/(.*)$")]
    pub from: String,
    /// The replacement; `$1` or `${name}` stand for the groups of `from`, `$$` for a dollar sign.
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

/// A number of tags, or a share of them such as `10%`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Limit {
    Tags(u64),
    Share(String),
}

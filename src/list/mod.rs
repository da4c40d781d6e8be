//! The TOML list: which images to copy, from where to where.
//!
//! Decides what a list means and what is wrong with it; reads no file and asks no store. Invariant: a [`List`] has no
//! mistake that can be known without a store.
//!
//! ```toml
//! version = 1
//!
//! [source]
//! registry = "registry.example.com"
//!
//! [destination]
//! registry = "harbor.example.com"
//! prefix = "mirror"
//!
//! [[images]]
//! name = "library/nginx"
//! semver = ">=1.20"
//! latest = 3
//! ```
//!
//! # From a name to a destination
//!
//! 1. A name without a registry is below the registry and prefix of `[source]`; one with a registry is complete. On
//!    Docker Hub `nginx` is `library/nginx`.
//! 2. Its repository path, without registry, source prefix and tag, goes through the `[[rewrite]]` rules in
//!    order. Each replaces the first match of `from`, found anywhere in the path, by `to`.
//! 3. The result goes below `[destination]`'s registry and prefix. A `to` in the image replaces steps 2
//!    and 3: below the destination if it has no registry, else exactly there.
//! 4. The tag stays, unless `to` has one. An image with a digest and no tag is written by its digest.
//!
//! # Local stores
//!
//! A side may be a store of this machine: `oci`, `oci-archive`, `dir`, `docker-archive`, `docker-daemon` or
//! `containers-storage` in place of `registry`. In a local destination, an image is called by what the steps above make
//! of its name, `team/api:1.2`. In a local source, a name is the name there, also if it begins with a registry;
//! `@N` is the image at a position. `docker://HOST/...` is a registry whatever the sides are.
//!
//! `name` and `to` may be locations, as in containers-transports(5). A local one is complete: no prefix, rewrite or
//! default tag applies to it. The destination of an image that it names is made of the name without its registry; if
//! it has none, of the name of the file.
//!
//! # Patterns
//!
//! A name with `*` (any characters, slashes too) or `?` (one character) selects repositories: of `[source]`, of its
//! registry, or of a local store in `oci:DIR:*`. All their tags are copied, unless the name has a tag, or the table or
//! `[defaults]` select tags. Registries are asked for their catalogue. A location with `*`, `?` or `[...]` in its path,
//! `docker-archive:exports/*.tar`, selects files or directories, and all their images; so does a file without the
//! name of an image and without `to`.
//!
//! # Which tags
//!
//! `tags` lists them. `tag-pattern`, `exclude`, `semver` and `latest` filter the existing tags, in that order;
//! patterns match whole tags. `latest` sorts the remaining tags by version and drops those that are no versions. With
//! none of these keys, and no tag or digest in the name, the tag is `latest`.
//!
//! # Pruning
//!
//! `prune = true` in `[destination]` deletes tags there that no image of the list has: in each repository that images of
//! the list are written to, after all of them were copied, and no more than `prune-limit` without asking. A repository
//! without any image of the list is left alone. Two lists that write to one repository delete each other's tags.
//!
//! # Engines
//!
//! `engine` says which program copies an image: `native` for this one, or `skopeo`. The key of the image's own table
//! decides; else `skopeo` in `[source]` or `[destination]`, for every image there; else `native` in one of these; else the
//! key of `[defaults]`. Without any it is `native`. `[skopeo]` says how skopeo is found and run.
//!
//! # Signatures
//!
//! `require-signature` names the public keys of which one has to have signed an image with cosign. The key of the image's
//! own table decides; else that of `[source]`, for images of that store; else that of `[defaults]`.
//!
//! # Files and commands
//!
//! Relative paths of files are relative to the directory of the list. Commands run there too; a program with a slash
//! (`./x`) is a path like any other, one without is searched in `PATH`. No shell is involved. Paths of stores are
//! relative to the working directory, as in skopeo.
//!
//! # Arrays and tables
//!
//! TOML has one `images`: either `images = [...]`, whose elements are references or tables, or `[[images]]`
//! tables, each with a `name`, or `names` for several images that share their settings.

mod actions;
mod answers;
mod checked_list;
mod destinations;
mod endpoint;
mod expand;
mod external_command;
mod fields;
mod file;
mod filter;
mod found;
mod image_defaults;
mod image_keys;
mod image_source;
mod image_tables;
mod images;
mod mistake;
mod mistakes;
mod name_pattern;
mod parse;
mod prune;
mod reader;
mod registries;
mod render;
mod required_signature;
mod rewrite;
mod selection;
mod sides;
mod signature_keys;
mod skopeo_keys;
mod skopeo_limits;
mod skopeo_settings;
mod spanned;
mod store_keys;
mod store_paths;
mod store_repository;
mod stored_parts;
mod summary;
mod table_kind;
mod tag_choice;
mod text;
mod values;
mod version;
mod warnings;
mod written_name;

#[cfg(test)]
mod tests;

pub use actions::{Action, ActionKind};
pub use answers::{Answers, Catalogue, Question};
pub use checked_list::{Defaults, List};
pub use destinations::ResolvedImage;
pub use endpoint::Endpoint;
pub use expand::Expansion;
pub use external_command::CommandLine;
pub use file::{
    CopyKeys, DefaultsTable, DestinationTable, ImageEntry, ImageTable, Limit, ListFile,
    RegistryTable, RewriteTable, SettingsKeys, Size, SourceTable,
};
pub use images::ImageRule;
pub use mistake::{Mark, Mistake};
pub use mistakes::Mistakes;
pub use name_pattern::FilePattern;
pub use prune::PruneLimit;
pub use reader::Directories;
pub use registries::{Credentials, ListLimits, PasswordSource, Settings, Tls};
pub use render::Colours;
pub use signature_keys::{KeyFiles, RequireSignature, SignatureTable};
pub use skopeo_keys::{SharedDirKey, SharedDirTable, SkopeoTable};
pub use skopeo_settings::{ContainerRuntime, SharedDirectory, SkopeoMethod, SkopeoSettings};
pub use store_keys::{DaemonKey, LocalKeys};
pub use summary::Summary;
pub use table_kind::schema;
pub use tag_choice::{TagChoice, TagChoiceError, TagPattern, VersionRange};
pub use text::Position;
pub use values::Proxy;
pub use warnings::Warning;

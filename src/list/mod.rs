//! The TOML list: which images to copy, from where to where.
//!
//! Decides what a list means and what is wrong with it; reads no file and asks no registry. Invariant: a [`List`] has no
//! mistake that can be known without a registry.
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
//! # Which tags
//!
//! `tags` lists them. `tag-pattern`, `exclude`, `semver` and `latest` filter the tags of the registry, in that order;
//! patterns match whole tags. `latest` sorts the remaining tags by version and drops those that are no versions. With
//! none of these keys, and no tag or digest in the name, the tag is `latest`.
//!
//! # Files and commands
//!
//! Relative paths are relative to the directory of the list. Commands run there too; a program with a slash (`./x`) is
//! a path like any other, one without is searched in `PATH`. No shell is involved.
//!
//! # Arrays and tables
//!
//! TOML has one `images`: either `images = [...]`, whose elements are references or tables, or `[[images]]`
//! tables, each with a `name`, or `names` for several images that share their settings.

mod actions;
mod checked_list;
mod expand;
mod external_command;
mod fields;
mod file;
mod filter;
mod image_keys;
mod image_tables;
mod images;
mod mistake;
mod mistakes;
mod parse;
mod reader;
mod registries;
mod render;
mod rewrite;
mod spanned;
mod summary;
mod table_kind;
mod text;
mod values;
mod version;

#[cfg(test)]
mod tests;

pub use actions::{Action, ActionKind};
pub use checked_list::{Defaults, List};
pub use expand::{Expansion, ResolvedImage, TagLists, Warning};
pub use external_command::CommandLine;
pub use file::{
    CopyKeys, DefaultsTable, DestinationTable, ImageEntry, ImageTable, ListFile, RegistryTable,
    RewriteTable, SettingsKeys, Size, SourceTable,
};
pub use images::ImageRule;
pub use mistake::{Mark, Mistake};
pub use mistakes::Mistakes;
pub use registries::{Credentials, Endpoint, ListLimits, PasswordSource, Settings, Tls};
pub use render::Colours;
pub use summary::Summary;
pub use table_kind::schema;
pub use values::Proxy;

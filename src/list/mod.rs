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
#![doc = include_str!("meaning.md")]

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
mod reference;
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
pub use reference::render_reference;
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

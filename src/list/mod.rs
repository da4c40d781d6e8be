//! The TOML list: what an operator writes to say which images go where.
//!
//! Decides what a list means and everything that is wrong with it; reads no file and asks no registry.
//! Invariant: a [`List`] is free of mistakes that can be known without a registry.
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
//! 1. A name without a registry is meant below `[source]`'s registry and prefix; one with a registry is
//!    complete. On Docker Hub `nginx` is `library/nginx`.
//! 2. Its repository path, without registry, source prefix and tag, goes through the `[[rewrite]]` rules in
//!    order. Each replaces the first match of `from`, found anywhere in the path, by `to`.
//! 3. The outcome goes below `[destination]`'s registry and prefix. A `to` in the image replaces steps 2
//!    and 3: below the destination if it has no registry, else exactly there.
//! 4. The tag stays, unless `to` has one. An image with a digest and no tag is written by its digest.
//!
//! # Which tags
//!
//! `tags` lists them. `tag-pattern`, `exclude`, `semver` and `latest` choose among those the registry has,
//! in that order; patterns match whole tags. `latest` alone ranks what is left, and knows only versions.
//! With none of these, and no tag or digest in the name, it is `latest`.
//!
//! # Files and commands
//!
//! Relative paths are meant from the directory of the list. Commands run there as well; a program written with a
//! slash (`./x`) is a path like any other, one without is looked for in `PATH`. No shell is involved.
//!
//! # Arrays and tables
//!
//! TOML has one `images`: either `images = [...]`, whose elements are references or tables, or `[[images]]`
//! tables, each with a `name`, or `names` for several images that share their settings.

mod actions;
mod expand;
mod fields;
mod file;
mod filter;
mod image_tables;
mod images;
mod mistakes;
mod parse;
mod reader;
mod render;
mod rewrite;
mod settings;
mod table_kind;
mod text;
mod values;
mod version;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    num::NonZeroU16,
    path::Path,
    sync::Arc,
};

pub use actions::{Action, ActionKind};
pub use expand::{Expansion, ResolvedImage, TagLists, Warning};
pub use file::{
    DefaultsTable, DestinationTable, ImageEntry, ImageTable, ListFile, RegistryTable, RewriteTable,
    SettingsKeys, Size, SourceTable,
};
pub use images::ImageRule;
pub use mistakes::{Colours, Mark, Mistake, Mistakes};
pub use settings::{CommandLine, Credentials, Endpoint, ListLimits, PasswordSource, Settings, Tls};
pub use table_kind::schema;
pub use values::Proxy;

use crate::oci::{Registry, Repository};
use images::Choice;
use text::Text;

/// A list, checked.
pub struct List {
    pub source: Option<Endpoint>,
    pub destination: Option<Endpoint>,
    /// Every registry something is written for, `[source]` and `[destination]` included.
    pub registries: BTreeMap<Registry, Settings>,
    pub defaults: Defaults,
    pub images: Vec<ImageRule>,
    rewrites: usize,
    text: Arc<Text>,
}

/// What holds for the whole list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// Images moved at once, if written.
    pub parallel: Option<NonZeroU16>,
    /// How often an image is tried, if written.
    pub attempts: Option<NonZeroU16>,
}

/// What a list asks for, in numbers. `Display` writes the sentence `list check` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Images known without asking a registry.
    pub images: usize,
    pub rewrites: usize,
    /// Entries whose images depend on the tags a repository has.
    pub filters: usize,
    /// Repositories whose tag lists those filters need.
    pub repositories: usize,
}

impl List {
    /// Reads a list; `file_name` is only shown. Fails with every mistake that can be known without a registry.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, Mistakes> {
        Self::parse_in(Path::new(""), file_name, text)
    }

    /// As [`parse`](Self::parse), with relative paths meant from `directory`.
    pub fn parse_in(directory: &Path, file_name: &str, text: &str) -> Result<Self, Mistakes> {
        parse::parse(directory, file_name, text)
    }

    /// What the list has this program do besides asking registries.
    #[must_use]
    pub fn actions(&self) -> Vec<Action> {
        actions::of(self)
    }

    /// Fails with every command the list runs.
    pub fn without_commands(&self) -> Result<(), Mistakes> {
        actions::commands(self)
    }

    /// The repositories whose tag lists [`expand`](Self::expand) needs.
    #[must_use]
    pub fn needs_tags(&self) -> BTreeSet<(Registry, Repository)> {
        self.filtered().map(|rule| rule.source.clone()).collect()
    }

    /// The images to move, given the tag lists of [`needs_tags`](Self::needs_tags); a list that is not
    /// given counts as empty. Fails if a filter chooses nothing, or two images have one destination.
    pub fn expand(&self, tags: &TagLists) -> Result<Expansion, Mistakes> {
        expand::expand(self, tags)
    }

    /// How to speak to `registry`.
    #[must_use]
    pub fn settings(&self, registry: &Registry) -> Settings {
        self.registries.get(registry).cloned().unwrap_or_default()
    }

    #[must_use]
    pub fn summary(&self) -> Summary {
        let images = self.images.iter().map(|rule| match &rule.choice {
            Choice::One { .. } => 1,
            Choice::Tags(tags) => tags.len(),
            Choice::Filter(_) => 0,
        });
        Summary {
            images: images.sum(),
            rewrites: self.rewrites,
            filters: self.filtered().count(),
            repositories: self.needs_tags().len(),
        }
    }

    fn filtered(&self) -> impl Iterator<Item = &ImageRule> {
        let open = |rule: &&ImageRule| matches!(rule.choice, Choice::Filter(_));
        self.images.iter().filter(open)
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List")
            .field("source", &self.source)
            .field("destination", &self.destination)
            .field("registries", &self.registries)
            .field("defaults", &self.defaults)
            .field("images", &self.images)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = |count: usize, one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {many}"),
        };
        f.write_str(&some(self.images, "image", "images"))?;
        if self.rewrites > 0 {
            let rewrites = some(self.rewrites, "rewrite rule", "rewrite rules");
            write!(f, ", {rewrites}")?;
        }
        if self.filters > 0 {
            let filters = some(self.filters, "filter needs", "filters need");
            let lists = some(self.repositories, "tag list", "tag lists");
            write!(f, ", {filters} {lists}")?;
        }
        Ok(())
    }
}

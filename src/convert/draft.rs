//! A list that is being made: images, and comments on what has no counterpart.
//!
//! Decides how much an input may become. Invariant: images and comments are in the order of the input.

use std::collections::{BTreeMap, HashSet};

use super::{names::Name, quote::quote};
use crate::{
    list::{ImageTable, RegistryTable, SettingsKeys},
    oci::Registry,
};

/// Bytes of images and comments, about.
pub(super) const MAX_LIST: usize = 64 * 1024 * 1024;

#[derive(Default)]
pub(super) struct Draft {
    pub(super) items: Vec<Item>,
    pub(super) registries: BTreeMap<Registry, RegistryTable>,
    /// Images copied at once.
    pub(super) parallel: Option<u64>,
    /// The images that are named already.
    named: HashSet<String>,
    bytes: usize,
}

/// What becomes a line of the list.
pub(super) struct Item {
    /// In the input, counted from 1; 0 for the whole input.
    pub(super) line: usize,
    pub(super) content: Content,
}

pub(super) enum Content {
    Image(Box<ImageTable>),
    Comment(String),
}

impl Draft {
    pub(super) fn image(&mut self, line: usize, table: ImageTable) {
        let texts = [&table.name, &table.tag_pattern, &table.semver, &table.to];
        let lists = [&table.tags, &table.exclude, &table.platforms];
        let texts = texts.into_iter().flatten();
        let lists = lists.into_iter().flatten().flatten();
        let bytes: usize = texts.chain(lists).map(String::len).sum();
        self.add(line, bytes, || Content::Image(Box::new(table)));
    }

    /// Adds one image with nothing but its name, unless it is named already.
    pub(super) fn name_once(&mut self, line: usize, text: &str) {
        match Name::parse(text) {
            Ok(name) => {
                let name = name.whole();
                if self.named.insert(name.clone()) {
                    let name = Some(name);
                    self.image(
                        line,
                        ImageTable {
                            name,
                            ..ImageTable::default()
                        },
                    );
                }
            }
            Err(error) => self.no_reference(line, text, &error),
        }
    }

    pub(super) fn comment(&mut self, line: usize, text: impl Into<String>) {
        let text = text.into();
        self.add(line, text.len(), || Content::Comment(text));
    }

    pub(super) fn no_reference(&mut self, line: usize, text: &str, error: &str) {
        self.comment(line, format!("{} is not converted: {error}", quote(text)));
    }

    /// Says where credentials go, which are not copied into a list.
    pub(super) fn credentials(&mut self, line: usize, registry: &str) {
        let text = format!(
            "the credentials for {registry} are not copied: store them with `transship login`, or add username and \
             password-env to [registries.{}]",
            quote(registry)
        );
        self.comment(line, text);
    }

    /// Says that a key has no counterpart.
    pub(super) fn no_counterpart(&mut self, line: usize, key: &str, instead: &str) {
        let key = quote(key);
        let text = match instead {
            "" => format!("{key} has no counterpart"),
            instead => format!("{key} has no counterpart: {instead}"),
        };
        self.comment(line, text);
    }

    /// The settings of a registry; a comment if it is none.
    pub(super) fn settings(&mut self, line: usize, registry: &str) -> Option<&mut SettingsKeys> {
        match registry.parse::<Registry>() {
            Ok(registry) => Some(&mut self.registries.entry(registry).or_default().settings),
            Err(error) => {
                let text = format!(
                    "the settings for {} are not converted: {error}",
                    quote(registry)
                );
                self.comment(line, text);
                None
            }
        }
    }

    pub(super) fn is_too_large(&self) -> bool {
        self.bytes > MAX_LIST
    }

    fn add(&mut self, line: usize, bytes: usize, content: impl FnOnce() -> Content) {
        const LINE: usize = 64;
        self.bytes = self.bytes.saturating_add(bytes + LINE);
        if !self.is_too_large() {
            let content = content();
            self.items.push(Item { line, content });
        }
    }
}

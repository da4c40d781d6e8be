//! The text of a converted list.
//!
//! Decides the layout: a comment stands where the image would. Invariant: the text is a list without mistakes; an image
//! that the list refuses becomes a comment with the reason.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write as _,
};

use serde::Serialize as _;

use super::{
    draft::{Content, Draft, Item},
    error::ConvertError,
    kind::Kind,
    list_destination::ListDestination,
    names::Name,
};
use crate::list::{
    DefaultsTable, DestinationTable, ImageEntry, ImageTable, List, ListFile, Mistakes,
};

/// How often images that the list refuses are taken out. Once is enough unless a mistake hides another one.
const MAX_ROUNDS: usize = 10;

/// A list in the place of another tool's input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    pub kind: Kind,
    /// The TOML list.
    pub text: String,
    /// Its entries.
    pub images: usize,
    /// What has no counterpart, or is not converted: the comments of the list, with the lines of the input.
    pub unconverted: Vec<String>,
}

pub(super) fn write(
    mut draft: Draft,
    input: &str,
    kind: Kind,
    to: Option<&ListDestination>,
) -> Result<Converted, ConvertError> {
    if let Some(to) = to {
        keep_apart(&mut draft, to);
    }
    let head = format!("# {kind}, converted from {}\n", without_controls(input));
    let mut refused = String::new();
    for _ in 0..MAX_ROUNDS {
        let images = count(&draft.items, |content| matches!(content, Content::Image(_)));
        if images == 0 {
            let reason = unconverted(&draft).into_iter().next();
            return Err(ConvertError::NoImages { kind, reason });
        }
        let written = Written::new(&head, &draft, to)?;
        match List::parse(input, &written.text) {
            Ok(_) => {
                return Ok(Converted {
                    kind,
                    text: written.text,
                    images,
                    unconverted: unconverted(&draft),
                });
            }
            Err(mistakes) => {
                refused = first_message(&mistakes);
                take_out(&mut draft, &written, &mistakes, &refused)?;
            }
        }
    }
    Err(ConvertError::Refused(refused))
}

/// Gives images of different registries with the same repository different destinations.
fn keep_apart(draft: &mut Draft, to: &ListDestination) {
    let mut owners: HashMap<String, String> = HashMap::new();
    let prefix = to.prefix.as_ref().map(|prefix| format!("{prefix}/"));
    let prefix = prefix.unwrap_or_default();
    for item in &mut draft.items {
        let Content::Image(table) = &mut item.content else {
            continue;
        };
        let name = table
            .name
            .as_deref()
            .and_then(|name| Name::parse(name).ok());
        let Some(name) = name else {
            continue;
        };
        let registry = name.registry.to_string();
        let owner = owners
            .entry(name.repository.to_string())
            .or_insert_with(|| registry.clone());
        if *owner != registry {
            let below = registry.replace(':', "-");
            let repository = &name.repository;
            table.to = Some(format!("{}/{prefix}{below}/{repository}", to.registry));
        }
    }
}

/// A text, and where its images are.
struct Written {
    text: String,
    /// Where the line of each image begins, and its item.
    starts: BTreeMap<usize, usize>,
    /// Where the images end.
    end: usize,
}

impl Written {
    fn new(head: &str, draft: &Draft, to: Option<&ListDestination>) -> Result<Self, ConvertError> {
        let mut text = format!("{head}version = 1\n\nimages = [\n");
        let mut starts = BTreeMap::new();
        for (index, item) in draft.items.iter().enumerate() {
            match &item.content {
                Content::Comment(comment) => {
                    let comment = without_controls(comment);
                    // Writing into a text does not fail.
                    let _ = match item.line {
                        0 => writeln!(text, "    # {comment}"),
                        line => writeln!(text, "    # line {line}: {comment}"),
                    };
                }
                Content::Image(table) => {
                    starts.insert(text.len(), index);
                    let _ = writeln!(text, "    {},", entry(table)?);
                }
            }
        }
        let end = text.len();
        text.push_str("]\n");
        let tables = tables(draft, to)?;
        if !tables.is_empty() {
            let _ = write!(text, "\n{tables}");
        }
        Ok(Self { text, starts, end })
    }

    /// The item of the image at an offset.
    fn item(&self, offset: usize) -> Option<usize> {
        let before = self.starts.range(..=offset).next_back();
        before
            .filter(|_| offset < self.end)
            .map(|(_, index)| *index)
    }
}

/// One image as a value of TOML.
fn entry(table: &ImageTable) -> Result<String, ConvertError> {
    let is_plain = *table
        == ImageTable {
            name: table.name.clone(),
            ..ImageTable::default()
        };
    let entry = match &table.name {
        Some(name) if is_plain => ImageEntry::Reference(name.clone()),
        _ => ImageEntry::Table(Box::new(table.clone())),
    };
    let mut text = String::new();
    (entry.serialize(toml::ser::ValueSerializer::new(&mut text)))
        .map_err(|error| ConvertError::Refused(error.to_string()))?;
    Ok(text)
}

/// The tables of a list.
fn tables(draft: &Draft, to: Option<&ListDestination>) -> Result<String, ConvertError> {
    let mut registries = draft.registries.clone();
    let destination = to.map(|to| DestinationTable {
        registry: Some(to.registry.to_string()),
        prefix: to.prefix.as_ref().map(ToString::to_string),
        settings: (registries.remove(&to.registry).unwrap_or_default()).settings,
        ..DestinationTable::default()
    });
    let defaults = draft.parallel.map(|parallel| DefaultsTable {
        parallel: Some(parallel),
        ..DefaultsTable::default()
    });
    let list = ListFile {
        version: 1,
        destination,
        defaults,
        registries: (registries.into_iter())
            .map(|(registry, table)| (registry.to_string(), table))
            .collect(),
        ..ListFile::default()
    };
    let text = toml::to_string(&list).map_err(|error| ConvertError::Refused(error.to_string()))?;
    // The version and the images are written already.
    let tables = text
        .split_once("images = []\n")
        .map_or("", |(_, tables)| tables);
    Ok(tables.trim_start().to_owned())
}

/// Turns the images that a list refuses into comments; the settings of registries if it refuses no image.
fn take_out(
    draft: &mut Draft,
    written: &Written,
    mistakes: &Mistakes,
    first: &str,
) -> Result<(), ConvertError> {
    let mut refused: BTreeSet<usize> = BTreeSet::new();
    for mistake in mistakes.iter() {
        let offset = mistake.marks.first().map(|mark| mark.at.start);
        let Some(index) = offset.and_then(|offset| written.item(offset)) else {
            continue;
        };
        let item = &mut draft.items[index];
        if let Content::Image(table) = &item.content
            && refused.insert(index)
        {
            let entry = entry(table)?;
            let help = mistake.help.as_deref().unwrap_or_default();
            let message = &mistake.message;
            let text = format!("{entry} is not converted: {message}; {help}");
            item.content = Content::Comment(text);
        }
    }
    if refused.is_empty() {
        if draft.registries.is_empty() {
            return Err(ConvertError::Refused(first.to_owned()));
        }
        // The other mistakes are in the settings of registries.
        draft.registries.clear();
        let text = format!("the settings of registries are not converted: {first}");
        draft.comment(0, text);
    }
    Ok(())
}

/// The comments on lines of the input.
fn unconverted(draft: &Draft) -> Vec<String> {
    let comments = draft.items.iter().filter_map(|item| match &item.content {
        Content::Comment(text) if item.line > 0 => Some(format!("line {}: {text}", item.line)),
        Content::Comment(_) | Content::Image(_) => None,
    });
    comments.collect()
}

fn first_message(mistakes: &Mistakes) -> String {
    let first = mistakes.iter().next();
    first.map_or_else(String::new, |mistake| mistake.message.clone())
}

fn count(items: &[Item], is: impl Fn(&Content) -> bool) -> usize {
    items.iter().filter(|item| is(&item.content)).count()
}

/// Comments of TOML have no control characters.
fn without_controls(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(shown).collect()
}

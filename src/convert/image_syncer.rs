//! The images of image-syncer, in YAML or JSON: `source: destination`, or `source: [destinations]`.
//!
//! Decides what the tags of a source are: none for all, one, several with commas, `/REGEX/`, or a digest. Its regular
//! expressions match anywhere in a tag.

use std::rc::Rc;

use super::{
    draft::Draft,
    names::Name,
    quote::quote,
    tag_rules::{ALL_TAGS, anywhere},
    yaml::{Entry, Node},
};
use crate::list::ImageTable;

pub(super) fn read(documents: &[Rc<Node>], draft: &mut Draft) {
    for document in documents {
        // An older form has both in one file.
        match document.get("images").filter(|images| images.is_mapping()) {
            None => images(document, draft),
            Some(found) => {
                for entry in document.entries() {
                    match entry.key.as_str() {
                        "images" => images(found, draft),
                        "auth" => {
                            for registry in entry.value.entries() {
                                draft.credentials(registry.line, &registry.key);
                            }
                        }
                        key => draft.no_counterpart(entry.line, key, ""),
                    }
                }
            }
        }
    }
}

fn images(images: &Node, draft: &mut Draft) {
    for entry in images.entries() {
        let mut destinations = entry.value.texts();
        destinations.retain(|(_, text)| !text.is_empty());
        if destinations.is_empty() {
            let text = format!(
                "{} is not converted: it has no destination, and there is no default registry; write one",
                quote(&entry.key)
            );
            draft.comment(entry.line, text);
        }
        for (line, destination) in destinations {
            // A block that begins on a later line is named there.
            add(entry, line.max(entry.line), destination, draft);
        }
    }
}

/// A name and the tags that are written behind it.
struct Tagged<'a> {
    name: Name,
    tags: Vec<&'a str>,
}

impl<'a> Tagged<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let (name, tags) = match text.rsplit_once('/') {
            _ if text.contains('@') => (text, Vec::new()),
            Some((path, last)) => match last.split_once(':') {
                Some((last, tags)) => (
                    &text[..path.len() + 1 + last.len()],
                    tags.split(',').collect(),
                ),
                None => (text, Vec::new()),
            },
            None => match text.split_once(':') {
                Some((name, tags)) => (name, tags.split(',').collect()),
                None => (text, Vec::new()),
            },
        };
        let name = Name::parse(name)?;
        Ok(Self { name, tags })
    }
}

fn add(entry: &Entry, line: usize, destination: &str, draft: &mut Draft) {
    let source = entry.key.as_str();
    let to = match Tagged::parse(destination) {
        Ok(to) => to,
        Err(error) => return draft.no_reference(line, destination, &error),
    };
    let pattern = source.strip_suffix('/');
    if let Some((repository, pattern)) = pattern.and_then(|source| source.split_once(":/")) {
        let name = match Name::parse(repository) {
            Ok(name) => name,
            Err(error) => return draft.no_reference(line, repository, &error),
        };
        let table = ImageTable {
            name: Some(name.whole()),
            tag_pattern: Some(anywhere(pattern)),
            to: Some(to.name.whole()),
            ..ImageTable::default()
        };
        return draft.image(line, table);
    }
    let from = match Tagged::parse(source) {
        Ok(from) => from,
        Err(error) => return draft.no_reference(line, source, &error),
    };
    let table = ImageTable {
        name: Some(from.name.whole()),
        to: Some(to.name.whole()),
        ..ImageTable::default()
    };
    match (from.tags.len(), to.tags.len()) {
        (0, 0) if from.name.version.is_empty() => {
            let tag_pattern = Some(ALL_TAGS.into());
            draft.image(
                line,
                ImageTable {
                    tag_pattern,
                    ..table
                },
            );
        }
        (0, 0) => draft.image(line, table),
        (0, 1) if !from.name.version.is_empty() => {
            let to = Some(format!("{}:{}", to.name.of_repository(), to.tags[0]));
            draft.image(line, ImageTable { to, ..table });
        }
        (_, 0) => {
            let tags = from.tags.iter().map(|tag| (*tag).to_owned());
            let tags = Some(tags.collect());
            draft.image(line, ImageTable { tags, ..table });
        }
        (sources, destinations) if sources == destinations => {
            for (tag, to_tag) in from.tags.iter().zip(&to.tags) {
                let name = Some(format!("{}:{tag}", from.name.of_repository()));
                let to = Some(format!("{}:{to_tag}", to.name.of_repository()));
                draft.image(
                    line,
                    ImageTable {
                        name,
                        to,
                        ..ImageTable::default()
                    },
                );
            }
        }
        (sources, destinations) => {
            let text = format!(
                "{} is not converted: {sources} tags have {destinations} tags as their destinations",
                quote(source)
            );
            draft.comment(line, text);
        }
    }
}

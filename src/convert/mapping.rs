//! Sources and destinations in lines: `oc image mirror` mappings and hangar's mirror lists.
//!
//! Decides what the words of a line are: `SOURCE=DESTINATION`, again and again; `SOURCE DESTINATION...`; or
//! `SOURCE DESTINATION TAG`.

use super::{
    draft::Draft,
    names::Name,
    quote::quote,
    tag_rules::{ALL_TAGS, glob},
    text_lines::lines,
};
use crate::list::ImageTable;

pub(super) fn read(text: &str, draft: &mut Draft) {
    for (number, line) in lines(text) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if line.contains('=') {
            for word in words {
                match word.split_once('=') {
                    Some((source, destination)) => {
                        add(draft, number, source, destination, None);
                    }
                    None => draft.comment(
                        number,
                        format!("{} is not converted: it has no destination", quote(word)),
                    ),
                }
            }
            continue;
        }
        match words[..] {
            [source, destination, tag] if !tag.contains(['/', ':', '@']) => {
                add(draft, number, source, destination, Some(tag));
            }
            [source, ref destinations @ ..] if !destinations.is_empty() => {
                for destination in destinations {
                    add(draft, number, source, destination, None);
                }
            }
            _ => draft.comment(
                number,
                format!("{} is not converted: it has no destination", quote(line)),
            ),
        }
    }
}

fn add(draft: &mut Draft, line: usize, source: &str, destination: &str, tag: Option<&str>) {
    for text in [source, destination] {
        if text.starts_with("file://") || text.starts_with("s3://") {
            let text = format!(
                "{} has no counterpart: use a local store such as oci:DIR:NAME",
                quote(text)
            );
            return draft.comment(line, text);
        }
    }
    // `oc` takes shell patterns as tags.
    let (source, pattern) = match source.rsplit_once(':') {
        Some((repository, tag)) if tag.contains('*') && !tag.contains('/') => {
            (repository, Some(tag))
        }
        _ => (source, None),
    };
    let (name, to) = match (Name::parse(source), Name::parse(destination)) {
        (Ok(name), Ok(to)) => (name, to),
        (Err(error), _) => return draft.no_reference(line, source, &error),
        (_, Err(error)) => return draft.no_reference(line, destination, &error),
    };
    let tag_pattern = pattern.map(|pattern| match pattern {
        "*" => ALL_TAGS.to_owned(),
        pattern => glob(pattern),
    });
    draft.image(
        line,
        ImageTable {
            name: Some(name.whole()),
            tags: tag.map(|tag| vec![tag.to_owned()]),
            tag_pattern,
            to: Some(to.whole()),
            ..ImageTable::default()
        },
    );
}

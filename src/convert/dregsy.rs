//! The YAML of dregsy.
//!
//! Decides what its tasks and mappings mean. Its regular expressions match whole tags, as those of lists do.

use std::rc::Rc;

use super::{
    draft::Draft,
    names::Name,
    quote::quote,
    tag_rules::{ALL_TAGS, any_of, ranges},
    yaml::Node,
};
use crate::list::ImageTable;

const REGEX: &str = "regex:";

pub(super) fn read(documents: &[Rc<Node>], draft: &mut Draft) {
    for entry in documents.iter().flat_map(|document| document.entries()) {
        match entry.key.as_str() {
            "tasks" => {
                for found in entry.value.elements() {
                    task(found, draft);
                }
            }
            "relay" => {}
            "skopeo" | "docker" => draft.no_counterpart(
                entry.line,
                &entry.key,
                "certificates are ca-file or ca-directory of a registry; [skopeo] has the program",
            ),
            key => draft.no_counterpart(entry.line, key, ""),
        }
    }
}

fn task(task: &Node, draft: &mut Draft) {
    let host = |side| task.get(side).and_then(|side| side.text_of("registry"));
    let (Some(source), Some(target)) = (host("source"), host("target")) else {
        return draft.comment(
            task.line,
            "this task has no registry as its source or target",
        );
    };
    for entry in task.entries() {
        match entry.key.as_str() {
            "name" | "verbose" | "mappings" => {}
            "interval" => draft.no_counterpart(
                entry.line,
                "interval",
                "a list is copied once; start it from cron or a systemd timer",
            ),
            "source" => side(&entry.value, source, draft),
            "target" => side(&entry.value, target, draft),
            key => draft.no_counterpart(entry.line, key, ""),
        }
    }
    for found in task.get("mappings").map_or(&[][..], Node::elements) {
        mapping(found, source, target, draft);
    }
}

fn side(side: &Node, host: &str, draft: &mut Draft) {
    for entry in side.entries() {
        match entry.key.as_str() {
            "registry" => {}
            "auth" => draft.credentials(entry.line, host),
            "auth-refresh" => draft.no_counterpart(
                entry.line,
                "auth-refresh",
                "password-command runs a program whenever a password is needed",
            ),
            "skip-tls-verify" => {
                if entry.value.text() == Some("true")
                    && let Some(settings) = draft.settings(entry.line, host)
                {
                    settings.verify = Some(false);
                }
            }
            key => draft.no_counterpart(entry.line, key, ""),
        }
    }
}

fn mapping(mapping: &Node, source: &str, target: &str, draft: &mut Draft) {
    let line = mapping.line;
    let Some(from) = mapping.text_of("from") else {
        return draft.comment(line, "this mapping has no `from`");
    };
    let to = mapping.text_of("to").unwrap_or(from);
    if from.starts_with(REGEX) || to.starts_with(REGEX) {
        let text = format!(
            "the mapping of {} is not converted: write a name with *, such as \"{source}/team/*\", and a [[rewrite]]",
            quote(from)
        );
        return draft.comment(line, text);
    }
    let read = |host: &str, path: &str| {
        let text = format!("{host}/{}", path.trim_start_matches('/'));
        Name::parse(&text).map_err(|error| (text, error))
    };
    let (name, to) = match (read(source, from), read(target, to)) {
        (Ok(name), Ok(to)) => (name, to),
        (Err((text, error)), _) | (_, Err((text, error))) => {
            return draft.no_reference(line, &text, &error);
        }
    };
    for entry in mapping.entries() {
        match entry.key.as_str() {
            "from" | "to" | "tags" | "platform" | "digests" | "preserve-digests" => {}
            key => draft.no_counterpart(entry.line, key, ""),
        }
    }
    let platform = mapping.text_of("platform");
    let platform = platform.filter(|platform| *platform != "all");
    let table = ImageTable {
        name: Some(name.of_repository()),
        to: Some(to.of_repository()),
        platforms: platform.map(|platform| vec![platform.to_owned()]),
        ..ImageTable::default()
    };
    let digests = mapping.get("digests").map(Node::texts).unwrap_or_default();
    for (line, digest) in &digests {
        let name = Some(format!("{}@{digest}", name.of_repository()));
        let table = table.clone();
        draft.image(*line, ImageTable { name, ..table });
    }
    let tags = mapping.get("tags").map(Node::texts).unwrap_or_default();
    if !tags.is_empty() || digests.is_empty() {
        TagSet::new(&tags).add(line, &table, draft);
    }
}

/// The tags of a mapping by their kinds.
#[derive(Default)]
struct TagSet<'a> {
    verbatim: Vec<&'a str>,
    ranges: Vec<&'a str>,
    patterns: Vec<&'a str>,
    inverted: Vec<&'a str>,
    keep: Vec<&'a str>,
    exclude: Vec<&'a str>,
}

impl<'a> TagSet<'a> {
    fn new(tags: &[(usize, &'a str)]) -> Self {
        let mut set = Self::default();
        for (_, tag) in tags {
            if let Some(range) = tag.strip_prefix("semver:") {
                set.ranges.push(range.trim());
            } else if let Some(pattern) = tag.strip_prefix(REGEX) {
                match pattern.trim().strip_prefix('!') {
                    Some(pattern) => set.inverted.push(pattern),
                    None => set.patterns.push(pattern.trim()),
                }
            } else if let Some(pattern) = tag.strip_prefix("keep:") {
                match pattern.trim().strip_prefix('!') {
                    Some(pattern) => set.exclude.push(pattern),
                    None => set.keep.push(pattern.trim()),
                }
            } else {
                set.verbatim.push(tag);
            }
        }
        set
    }

    /// Adds a table for each kind, because a table has one filter and the tags of all kinds are copied.
    fn add(self, line: usize, table: &ImageTable, draft: &mut Draft) {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let exclude = Some(owned(&self.exclude)).filter(|exclude: &Vec<_>| !exclude.is_empty());
        let has_filters = !self.keep.is_empty() || exclude.is_some();
        let filtered = ImageTable {
            exclude,
            ..table.clone()
        };
        let keep = match self.keep[..] {
            [] => None,
            [pattern] if self.patterns.is_empty() && self.inverted.is_empty() => Some(pattern),
            _ => {
                let text = "`keep` is not converted: a list cannot match tags against two regular expressions";
                draft.comment(line, text);
                None
            }
        };
        let image = |draft: &mut Draft, tag_pattern: Option<String>, semver, exclude: &[&str]| {
            let mut table = filtered.clone();
            if !exclude.is_empty() {
                let exclude: Vec<String> = owned(exclude);
                table.exclude.get_or_insert_default().extend(exclude);
            }
            let table = ImageTable {
                tag_pattern,
                semver,
                ..table
            };
            draft.image(line, table);
        };
        if !self.verbatim.is_empty() {
            if has_filters {
                draft.comment(line, "`keep` is not applied to tags that are listed");
            }
            let tags = Some(owned(&self.verbatim));
            let table = table.clone();
            draft.image(line, ImageTable { tags, ..table });
        }
        for text in &self.ranges {
            let Some(ranges) = ranges(text) else {
                draft.comment(line, "this range has too many alternatives");
                continue;
            };
            for range in ranges {
                image(draft, keep.map(ToOwned::to_owned), Some(range), &[]);
            }
        }
        if !self.patterns.is_empty() {
            image(draft, Some(any_of(&self.patterns)), None, &[]);
        }
        for pattern in &self.inverted {
            image(draft, Some(ALL_TAGS.into()), None, &[pattern]);
        }
        let is_empty = self.verbatim.is_empty()
            && self.ranges.is_empty()
            && self.patterns.is_empty()
            && self.inverted.is_empty();
        if is_empty {
            image(draft, Some(keep.unwrap_or(ALL_TAGS).into()), None, &[]);
        }
    }
}

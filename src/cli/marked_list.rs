//! Writes what was marked in the browser as a list.
//!
//! Decides how marks become entries: the marked tags of a repository are one. Invariant: a file that exists is replaced
//! only when the operator agreed.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use super::{new_file, output::shown};
use crate::{
    list::{ImageEntry, ImageTable},
    oci::Location,
    present::command,
    tui::browse::{Mark, MarkedList, WriteMarksError},
};

#[derive(Serialize)]
struct Images {
    images: Vec<ImageEntry>,
}

/// Writes the list, and returns the command that runs it.
pub(super) fn write(list: &MarkedList) -> Result<String, WriteMarksError> {
    let file = Path::new(&list.file);
    if !list.replaces && file.exists() {
        return Err(WriteMarksError::Exists);
    }
    let failed = |error: anyhow::Error| WriteMarksError::Failed(format!("{error:#}"));
    let text = text(&list.marks).map_err(|error| failed(error.into()))?;
    new_file::write(file, &text, list.replaces).map_err(failed)?;
    Ok(command(["run", &shown(file)]))
}

fn text(marks: &[Mark]) -> Result<String, toml::ser::Error> {
    let mut entries: BTreeMap<String, Option<Vec<String>>> = BTreeMap::new();
    let mut patterns = Vec::new();
    for mark in marks {
        match mark {
            Mark::Repository(registry, repository) => patterns.push(ImageTable {
                name: Some(format!("{registry}/{repository}")),
                tag_pattern: Some(".*".into()),
                ..ImageTable::default()
            }),
            Mark::Store(store) => drop(entries.insert(format!("{store}:*"), None)),
            Mark::Image(Location::Registry(image)) => match (&image.tag, &image.digest) {
                (Some(tag), None) => {
                    let name = format!("{}/{}", image.registry, image.repository);
                    let tags = entries.entry(name).or_default();
                    tags.get_or_insert_default().push(tag.to_string());
                }
                _ => drop(entries.insert(image.to_string(), None)),
            },
            Mark::Image(image @ Location::Local(_)) => {
                entries.insert(image.to_string(), None);
            }
        }
    }
    let entries = entries.into_iter().map(|(name, tags)| ImageTable {
        name: Some(name),
        tags,
        ..ImageTable::default()
    });
    let images = patterns.into_iter().chain(entries);
    let images = Images {
        images: images
            .map(|table| ImageEntry::Table(Box::new(table)))
            .collect(),
    };
    Ok(format!(
        "version = 1\n\n# Where the images go:\n# [destination]\n# registry = \"\"\n\n{}",
        toml::to_string(&images)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list::List;

    fn image(text: &str) -> Mark {
        Mark::Image(text.parse().unwrap())
    }

    fn marks() -> Vec<Mark> {
        let repository = Mark::Repository("a.example".parse().unwrap(), "b".parse().unwrap());
        let images = ["a.example/c:1", "a.example/c:2", "oci:dir:team/api:1"].map(image);
        [repository].into_iter().chain(images).collect()
    }

    #[test]
    fn marks_become_a_list_with_an_entry_for_each_repository() {
        let text = text(&marks()).unwrap();
        let entries = [
            "name = \"a.example/b\"\ntag-pattern = \".*\"\n",
            "name = \"a.example/c\"\ntags = [\"1\", \"2\"]\n",
            "name = \"oci:dir:team/api:1\"\n",
        ];
        for entry in entries {
            assert!(text.contains(entry), "{text}");
        }
        let with_destination = format!("{text}\n[destination]\nregistry = \"b.example\"\n");
        List::parse("list.toml", &with_destination).unwrap();
    }

    #[test]
    fn a_file_is_replaced_only_when_that_was_agreed() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("list.toml");
        std::fs::write(&file, "mine").unwrap();
        let list = |replaces| MarkedList {
            file: shown(&file),
            replaces,
            marks: marks(),
        };
        assert_eq!(write(&list(false)), Err(WriteMarksError::Exists));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
        let command = write(&list(true)).unwrap();
        assert!(command.starts_with("transship run "), "{command}");
        assert!(
            std::fs::read_to_string(&file)
                .unwrap()
                .contains("a.example/c")
        );
    }
}

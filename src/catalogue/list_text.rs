//! The list of what was found.
//!
//! Decides whether it names tags, or follows the registry. Invariant: with a destination, the text is a list without
//! mistakes.

use std::fmt::Write as _;

use serde::Serialize;

use super::{
    registry_path::RegistryPath,
    repositories::CatalogueSource,
    repository_pattern::RepositoryPattern,
    tags::{FoundTags, RepositoryTags},
};
use crate::{
    list::{DestinationTable, ImageEntry, ImageTable, SourceTable, TagChoice},
    oci::Repository,
};

/// Arrays with more tags have a line for each.
const MAX_TAGS_IN_LINE: usize = 8;

/// What a list says about tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// The tags that were found.
    Tags,
    /// What chooses tags, so that every run asks the registry again; also for repositories, if it has a catalogue.
    Patterns,
}

/// What a list is written of.
pub struct ListText<'a> {
    pub place: &'a RegistryPath,
    pub source: SourceTable,
    pub destination: Option<DestinationTable>,
    pub patterns: &'a [RepositoryPattern],
    pub choice: &'a TagChoice,
    pub catalogue: CatalogueSource,
    pub style: Style,
}

#[derive(Serialize)]
struct Head<'a> {
    version: u64,
    source: &'a SourceTable,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<&'a DestinationTable>,
}

#[derive(Serialize)]
struct Images {
    images: [ImageEntry; 1],
}

impl ListText<'_> {
    /// The text of the list.
    ///
    /// # Errors
    /// A value that TOML cannot write.
    pub fn write(&self, found: &FoundTags) -> Result<String, toml::ser::Error> {
        let mut text = format!("# What {} has.\n", self.place);
        let head = Head {
            version: 1,
            source: &self.source,
            destination: self.destination.as_ref(),
        };
        text.push_str(&toml::to_string(&head)?);
        if self.destination.is_none() {
            text.push_str("\n# Where the images go:\n# [destination]\n# registry = \"\"\n");
        }
        for table in self.tables(found) {
            text.push('\n');
            text.push_str(&entry(table)?);
        }
        for (repository, why) in &found.unreadable {
            // Writing into a text does not fail.
            let _ = write!(
                text,
                "\n# {repository} is left out: {}\n",
                without_controls(why)
            );
        }
        Ok(text)
    }

    fn tables(&self, found: &FoundTags) -> Vec<ImageTable> {
        let repositories = found.repositories.iter();
        match (self.style, self.catalogue) {
            (Style::Tags, _) => repositories.map(with_tags).collect(),
            (Style::Patterns, CatalogueSource::Catalogue) => self.patterns(found),
            (
                Style::Patterns,
                CatalogueSource::Harbor | CatalogueSource::DockerHub | CatalogueSource::Path,
            ) => repositories
                .map(|found| self.with_choice(found.repository.to_string()))
                .collect(),
        }
    }

    /// Patterns that select the repositories that were found, and those that come.
    fn patterns(&self, found: &FoundTags) -> Vec<ImageTable> {
        let path = self.place.path.as_ref();
        let mut names: Vec<String> = (self.patterns.iter())
            .map(|pattern| pattern.below(path))
            .collect();
        if self.patterns.is_empty() {
            let mut repositories = found.repositories.iter();
            let is_path = |found: &RepositoryTags| Some(&found.repository) == path;
            if repositories.clone().any(is_path) {
                names.extend(path.map(Repository::to_string));
            }
            if repositories.any(|found| !is_path(found)) || names.is_empty() {
                names.push(path.map_or_else(|| "*".into(), |path| format!("{path}/*")));
            }
        }
        names
            .into_iter()
            .map(|name| self.with_choice(name))
            .collect()
    }

    /// An entry for the tags that a repository or pattern has when the list is run.
    fn with_choice(&self, name: String) -> ImageTable {
        let mut table = self.choice.to_table();
        if self.choice.is_all() && !name.contains(['*', '?']) {
            table.tag_pattern = Some(".*".into());
        }
        ImageTable {
            name: Some(name),
            ..table
        }
    }
}

fn with_tags(found: &RepositoryTags) -> ImageTable {
    ImageTable {
        name: Some(found.repository.to_string()),
        tags: Some(found.tags.iter().map(ToString::to_string).collect()),
        ..ImageTable::default()
    }
}

fn entry(table: ImageTable) -> Result<String, toml::ser::Error> {
    let is_long = table
        .tags
        .as_ref()
        .is_some_and(|tags| tags.len() > MAX_TAGS_IN_LINE);
    let images = Images {
        images: [ImageEntry::Table(Box::new(table))],
    };
    match is_long {
        true => toml::to_string_pretty(&images),
        false => toml::to_string(&images),
    }
}

/// Comments of TOML have no control characters.
fn without_controls(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list::List;

    fn written(place: &str, style: Style, catalogue: CatalogueSource, patterns: &[&str]) -> String {
        let place: RegistryPath = place.parse().unwrap();
        let patterns: Vec<_> = patterns.iter().map(|text| text.parse().unwrap()).collect();
        let tags = |tags: &[&str]| tags.iter().map(|tag| tag.parse().unwrap()).collect();
        let found = FoundTags {
            repositories: vec![
                RepositoryTags {
                    repository: "team".parse().unwrap(),
                    tags: tags(&["1"]),
                },
                RepositoryTags {
                    repository: "team/api".parse().unwrap(),
                    tags: tags(&["1", "2", "3", "4", "5", "6", "7", "8", "9"]),
                },
            ],
            unreadable: vec![("team/x".parse().unwrap(), "said 403\n[".into())],
            ..FoundTags::default()
        };
        let text = ListText {
            source: SourceTable {
                registry: Some(place.registry.to_string()),
                ..SourceTable::default()
            },
            destination: Some(DestinationTable {
                registry: Some("b.example".into()),
                ..DestinationTable::default()
            }),
            place: &place,
            patterns: &patterns,
            choice: &TagChoice::default(),
            catalogue,
            style,
        };
        let text = text.write(&found).unwrap();
        List::parse("list.toml", &text).unwrap();
        text
    }

    #[test]
    fn a_list_of_tags_names_each_and_says_what_is_left_out() {
        let text = written("a.example", Style::Tags, CatalogueSource::Catalogue, &[]);
        assert!(
            text.contains("[[images]]\nname = \"team\"\ntags = [\"1\"]\n"),
            "{text}"
        );
        assert!(text.contains("tags = [\n    \"1\",\n"), "{text}");
        assert!(
            text.ends_with("# team/x is left out: said 403 [\n"),
            "{text}"
        );
    }

    #[test]
    fn a_list_that_follows_has_patterns_where_there_is_a_catalogue() {
        let names = |place, catalogue, patterns: &[&str]| -> Vec<String> {
            let text = written(place, Style::Patterns, catalogue, patterns);
            let names = text.lines().filter_map(|line| line.strip_prefix("name = "));
            names.map(str::to_owned).collect()
        };
        let open = CatalogueSource::Catalogue;
        assert_eq!(names("a.example", open, &[]), ["\"*\""]);
        assert_eq!(
            names("a.example/team", open, &[]),
            ["\"team\"", "\"team/*\""]
        );
        assert_eq!(names("a.example/team", open, &["a*"]), ["\"team/a*\""]);
        let closed = names("a.example", CatalogueSource::Harbor, &["*"]);
        assert_eq!(closed, ["\"team\"", "\"team/api\""]);
    }
}

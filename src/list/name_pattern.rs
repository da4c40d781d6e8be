//! Patterns of repositories, `*` and `team/*:1.2`, and of files, `exports/*.tar`.
//!
//! Decides their grammar and what they match. In a pattern of repositories, `*` stands for any characters, slashes
//! too, and `?` for one. Invariant: with any characters in place of `*` and `?`, a pattern of repositories is a
//! reference without a digest.

use std::{fmt, ops::Range};

use glob::Pattern;

use super::values::{ValueError, reference};
use crate::oci::{Registry, Repository, Tag, Transport};

const WILDCARDS: [char; 2] = ['*', '?'];

/// Repositories, by their names.
#[derive(Clone, Debug)]
pub(super) struct NamePattern {
    /// As written.
    text: String,
    pub(super) registry: Option<Registry>,
    /// Without the registry.
    repositories: Pattern,
    /// With the registry: local stores may have it in their names.
    names: Pattern,
    pub(super) tag: Option<Tag>,
}

/// Files or directories with images.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilePattern {
    pub transport: Transport,
    /// As the crate `glob` understands it.
    pub pattern: String,
}

pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(WILDCARDS)
}

impl NamePattern {
    pub(super) fn parse(text: &str) -> Result<Self, ValueError> {
        let wrong = |message: &str, at: Range<usize>, help: &str| ValueError {
            message: message.into(),
            at: Some(at),
            help: help.into(),
        };
        let example = text.replace(WILDCARDS, "x");
        let example = reference(&example).map_err(|error| as_written(error, &example, text))?;
        let path_start = match example.registry {
            Some(_) => text.find('/').map_or(0, |slash| slash + 1),
            None => 0,
        };
        if is_pattern(&text[..path_start]) {
            let at = 0..path_start;
            return Err(wrong(
                "a registry is no pattern",
                at,
                "write the name of the registry",
            ));
        }
        if let Some(at) = text.find('@') {
            let help = "remove the digest; tags and filters select among the images";
            return Err(wrong("a pattern has no digest", at..text.len(), help));
        }
        let path_end = text[path_start..]
            .find(':')
            .map_or(text.len(), |colon| path_start + colon);
        if is_pattern(&text[path_end..]) {
            let help = "write the tags as tag-pattern = '1\\..*', a regular expression";
            return Err(wrong("a tag is no pattern", path_end + 1..text.len(), help));
        }
        let pattern = |pattern: &str, start: usize| {
            Pattern::new(pattern).map_err(|error| {
                let help = "write * for any characters and ? for one";
                wrong(
                    &format!("this is no pattern: {}", error.msg),
                    start..path_end,
                    help,
                )
            })
        };
        let host = Pattern::escape(&text[..path_start]);
        let path = &text[path_start..path_end];
        Ok(Self {
            text: text.to_owned(),
            registry: example.registry,
            repositories: pattern(path, path_start)?,
            names: pattern(&format!("{host}{path}"), 0)?,
            tag: example.tag,
        })
    }

    pub(super) fn matches(&self, repository: &Repository) -> bool {
        self.repositories.matches(repository.as_str())
    }

    /// Whether it matches a name of a local store. `repository` is the name without a registry.
    pub(super) fn matches_stored(&self, name: &str, repository: &Repository) -> bool {
        self.names.matches(name) || self.registry.is_none() && self.matches(repository)
    }
}

/// An error about `example`, with the text of the pattern instead.
fn as_written(error: ValueError, example: &str, pattern: &str) -> ValueError {
    let part = |text: &str| {
        error
            .at
            .clone()
            .and_then(|at| Some(text.get(at)?.to_owned()))
    };
    let Some((from, to)) = part(example)
        .zip(part(pattern))
        .filter(|(from, to)| from != to)
    else {
        return error;
    };
    ValueError {
        message: error.message.replace(&from, &to),
        help: error.help.replace(&from.to_lowercase(), &to.to_lowercase()),
        ..error
    }
}

impl FilePattern {
    pub(super) fn parse(transport: Transport, pattern: &str) -> Result<Self, ValueError> {
        match Pattern::new(pattern) {
            Ok(_) => Ok(Self {
                transport,
                pattern: pattern.to_owned(),
            }),
            Err(error) => Err(ValueError {
                message: format!("this is no pattern of files: {}", error.msg),
                at: None,
                help: "write for example docker-archive:exports/*.tar".into(),
            }),
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for FilePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport.name(), self.pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, repository: &str) -> bool {
        let pattern = NamePattern::parse(pattern).unwrap();
        pattern.matches(&repository.parse().unwrap())
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        assert!(matches("*", "team/api") && matches("team/*", "team/sub/api"));
        assert!(matches("team/api-?", "team/api-2") && matches("quay.io/t*/api:1", "team/api"));
        assert!(!matches("team/*", "team") && !matches("*api", "team/api-2"));
    }

    #[test]
    fn what_is_no_pattern_is_blamed_to_the_byte() {
        let wrong = |text: &str| {
            let error = NamePattern::parse(text).unwrap_err();
            (
                error.message,
                error.at.map(|at| &text[at]).unwrap_or_default().to_owned(),
            )
        };
        assert_eq!(wrong("*.io/team/x").1, "*.io/");
        assert_eq!(wrong("team/*:1.*").1, "1.*");
        assert_eq!(wrong("Team/*").1, "Team");
        assert!(wrong("team/a**").0.contains("recursive"));
        let digest = format!("team/*@sha256:{}", "0".repeat(64));
        assert_eq!(wrong(&digest).0, "a pattern has no digest");
    }

    #[test]
    fn a_pattern_of_many_stars_is_matched_at_once() {
        let pattern = NamePattern::parse(&"a*".repeat(100)).unwrap();
        let repository = format!("{}b/{}", "a".repeat(99), "c".repeat(150));
        assert!(!pattern.matches(&repository.parse().unwrap()));
    }
}

//! Patterns of repositories: `*` stands for any characters, slashes too, and `?` for one, as in lists.
//!
//! Invariant: with any characters in place of `*` and `?`, a pattern is the name of a repository.

use std::{fmt, str::FromStr};

use glob::Pattern;

use crate::oci::{ReferenceError, Repository};

/// Repositories below a path, by their names without it.
#[derive(Clone, Debug)]
pub struct RepositoryPattern {
    text: String,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum RepositoryPatternError {
    #[error("this is no pattern of repositories: {0}")]
    Name(#[from] ReferenceError),
    #[error("this is no pattern: {0}; write * for any characters and ? for one")]
    Pattern(&'static str),
}

impl RepositoryPattern {
    /// The pattern for whole names.
    #[must_use]
    pub fn below(&self, path: Option<&Repository>) -> String {
        match path {
            Some(path) => format!("{path}/{}", self.text),
            None => self.text.clone(),
        }
    }

    #[must_use]
    pub fn matches(&self, path: Option<&Repository>, repository: &Repository) -> bool {
        // Parsed before.
        Pattern::new(&self.below(path)).is_ok_and(|pattern| pattern.matches(repository.as_str()))
    }
}

impl FromStr for RepositoryPattern {
    type Err = RepositoryPatternError;

    fn from_str(text: &str) -> Result<Self, RepositoryPatternError> {
        text.replace(['*', '?'], "x").parse::<Repository>()?;
        Pattern::new(text).map_err(|error| RepositoryPatternError::Pattern(error.msg))?;
        Ok(Self {
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for RepositoryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_below_the_path() {
        let pattern: RepositoryPattern = "api*".parse().unwrap();
        let team: Repository = "team".parse().unwrap();
        let matches = |path, name: &str| pattern.matches(path, &name.parse().unwrap());
        assert!(matches(None, "api") && matches(None, "api-v2/x"));
        assert!(matches(Some(&team), "team/api") && !matches(Some(&team), "api"));
        for wrong in ["Team/*", "a//b", "***", "x:1"] {
            assert!(wrong.parse::<RepositoryPattern>().is_err(), "{wrong}");
        }
    }
}

//! A registry, or a path of repositories in it: `harbor.example.com/team`.

use std::{fmt, str::FromStr};

use crate::oci::{ReferenceError, Registry, Repository};

/// `REGISTRY[/PATH]`. The path is a project, a namespace, the first parts of names, or a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryPath {
    pub registry: Registry,
    pub path: Option<Repository>,
}

impl RegistryPath {
    /// Whether a repository has this path, or is below it.
    #[must_use]
    pub fn contains(&self, repository: &Repository) -> bool {
        let Some(path) = &self.path else {
            return true;
        };
        let rest = repository.as_str().strip_prefix(path.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl FromStr for RegistryPath {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let text = text.strip_prefix("docker://").unwrap_or(text);
        let text = text.trim_end_matches('/');
        let (registry, path) = match text.split_once('/') {
            Some((registry, path)) => (registry, Some(path.parse()?)),
            None => (text, None),
        };
        Ok(Self {
            registry: registry.parse()?,
            path,
        })
    }
}

impl fmt::Display for RegistryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}/{path}", self.registry),
            None => fmt::Display::fmt(&self.registry, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_contains_itself_and_what_is_below() {
        let path: RegistryPath = "docker://r.example:5000/team/".parse().unwrap();
        assert_eq!(path.to_string(), "r.example:5000/team");
        let contains = |name: &str| path.contains(&name.parse().unwrap());
        assert!(contains("team") && contains("team/api") && contains("team/api/x"));
        assert!(!contains("teams") && !contains("other/team"));
        let all: RegistryPath = "r.example".parse().unwrap();
        assert!(all.contains(&"any".parse().unwrap()));
        assert!("team/api".parse::<RegistryPath>().is_err());
    }
}

//! Scopes (distribution "Token Scope Documentation"): `repository:team/app:pull,push`.
//!
//! Invariant: a scope that cannot be parsed allows nothing.

use std::{collections::BTreeSet, fmt};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    kind: String,
    name: String,
    actions: BTreeSet<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scopes(pub(crate) Vec<Scope>);

impl Scope {
    pub(crate) fn repository(name: &str, actions: &[&str]) -> Self {
        Self {
            kind: "repository".to_owned(),
            name: name.to_owned(),
            actions: actions.iter().map(|&action| action.to_owned()).collect(),
        }
    }

    pub(crate) fn catalog() -> Self {
        Self {
            kind: "registry".to_owned(),
            name: "catalog".to_owned(),
            actions: BTreeSet::from(["*".to_owned()]),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        // A name may have a registry with a port.
        let (name, actions) = rest.rsplit_once(':')?;
        Some(Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
            actions: actions.split(',').map(str::to_owned).collect(),
        })
    }

    fn covers(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.name == other.name
            && (self.actions.contains("*") || self.actions.is_superset(&other.actions))
    }
}

impl Scopes {
    /// Parses `scope` parameters, each of which may have several scopes.
    pub(crate) fn parse<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        Self(
            texts
                .flat_map(str::split_whitespace)
                .filter_map(Scope::parse)
                .collect(),
        )
    }

    pub(crate) fn cover(&self, needed: &Self) -> bool {
        needed
            .0
            .iter()
            .all(|needed| self.0.iter().any(|scope| scope.covers(needed)))
    }

    /// These scopes, reduced to pulling.
    pub(crate) fn only_pull(mut self) -> Self {
        self.0.retain(|scope| scope.kind == "repository");
        for scope in &mut self.0 {
            scope.actions.retain(|action| action == "pull");
        }
        self
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            let actions: Vec<&str> = scope.actions.iter().map(String::as_str).collect();
            let space = if index > 0 { " " } else { "" };
            write!(
                f,
                "{space}{}:{}:{}",
                scope.kind,
                scope.name,
                actions.join(",")
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> Scopes {
        Scopes::parse([text].into_iter())
    }

    #[test]
    fn a_scope_covers_its_actions_in_its_repository() {
        let granted = scopes("repository:a/b:pull,push repository:host:5000/c:pull junk");
        assert!(granted.cover(&scopes("repository:a/b:push")));
        assert!(granted.cover(&scopes("repository:host:5000/c:pull")));
        assert!(!granted.cover(&scopes("repository:a/b:delete")));
        assert!(!granted.cover(&scopes("repository:a:pull")));
        assert!(!granted.only_pull().cover(&scopes("repository:a/b:push")));
    }

    #[test]
    fn scopes_are_written_as_they_are_asked_for() {
        let text = "repository:a/b:pull,push registry:catalog:*";
        assert_eq!(scopes(text).to_string(), text);
    }
}

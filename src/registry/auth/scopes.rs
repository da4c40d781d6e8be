//! Token scopes: what a request needs to be allowed to do (Docker "Token Scope Documentation").
//!
//! Invariant: minimal, since some servers void a token for one action too many (quirk 20), and the scope
//! that is needed in any case comes first, since some honour only that (quirk 21).

use crate::oci::Repository;

/// What a request needs, and what it can do without.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::registry) struct Scopes {
    repository: Option<Repository>,
    required: Option<String>,
    /// A repository it would be good to read from as well.
    also: Option<Repository>,
}

impl Scopes {
    pub(in crate::registry) fn none() -> Self {
        Self {
            repository: None,
            required: None,
            also: None,
        }
    }

    pub(in crate::registry) fn catalog() -> Self {
        Self {
            required: Some("registry:catalog:*".into()),
            ..Self::none()
        }
    }

    pub(in crate::registry) fn pull(repository: &Repository) -> Self {
        Self::of(repository, "pull")
    }

    pub(in crate::registry) fn push(repository: &Repository) -> Self {
        Self::of(repository, "pull,push")
    }

    pub(in crate::registry) fn delete(repository: &Repository) -> Self {
        Self::of(repository, "pull,delete")
    }

    /// Also read from `repository`, if that is allowed.
    pub(in crate::registry) fn and_pull(self, repository: &Repository) -> Self {
        Self {
            also: Some(repository.clone()),
            ..self
        }
    }

    fn of(repository: &Repository, actions: &str) -> Self {
        Self {
            repository: Some(repository.clone()),
            required: Some(format!("repository:{repository}:{actions}")),
            also: None,
        }
    }

    /// Whose credentials are meant.
    pub(super) fn repository(&self) -> Option<&Repository> {
        self.repository.as_ref()
    }

    pub(super) fn is_union(&self) -> bool {
        self.also.is_some()
    }

    /// Only what is needed in any case.
    pub(super) fn required(&self) -> Self {
        Self {
            also: None,
            ..self.clone()
        }
    }

    /// As token servers are asked, the required one first.
    pub(super) fn words(&self) -> Vec<String> {
        let also = self.also.as_ref();
        let also = also.map(|repository| format!("repository:{repository}:pull"));
        self.required.iter().cloned().chain(also).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quirk_20_to_delete_is_asked_for_only_to_delete() {
        let repository = "a".parse().unwrap();
        assert_eq!(Scopes::pull(&repository).words(), ["repository:a:pull"]);
        assert_eq!(
            Scopes::push(&repository).words(),
            ["repository:a:pull,push"]
        );
        assert_eq!(
            Scopes::delete(&repository).words(),
            ["repository:a:pull,delete"]
        );
    }

    #[test]
    fn the_required_scope_comes_first() {
        let (to, from) = ("to/a".parse().unwrap(), "from/b".parse().unwrap());
        let union = Scopes::push(&to).and_pull(&from);
        assert_eq!(
            union.words(),
            ["repository:to/a:pull,push", "repository:from/b:pull"]
        );
        assert_eq!(union.required(), Scopes::push(&to));
        assert!(Scopes::none().words().is_empty());
    }
}

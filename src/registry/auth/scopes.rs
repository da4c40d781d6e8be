//! Token scopes: what a request needs to be allowed to do (Docker "Token Scope Documentation").
//!
//! Invariants: scopes are minimal, because some servers grant nothing if one action is not allowed (quirk 20, see
//! registry/quirks.md). The required scope comes first, because some servers honour only the first (quirk 21).

use crate::oci::Repository;

/// The scope that a request requires, and one that it can do without.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::registry) struct Scopes {
    repository: Option<Repository>,
    required: Option<String>,
    /// Also ask to pull from this repository, to mount from it.
    optional_source: Option<Repository>,
    /// The credential itself is sent, and no token.
    is_direct: bool,
}

impl Scopes {
    pub(in crate::registry) fn none() -> Self {
        Self {
            repository: None,
            required: None,
            optional_source: None,
            is_direct: false,
        }
    }

    /// For an API beside the distribution API, which takes the credential itself whatever `/v2/` wants.
    pub(in crate::registry) fn direct() -> Self {
        Self {
            is_direct: true,
            ..Self::none()
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

    /// Also pull from `repository`, if that is allowed.
    pub(in crate::registry) fn and_pull(self, repository: &Repository) -> Self {
        Self {
            optional_source: Some(repository.clone()),
            ..self
        }
    }

    fn of(repository: &Repository, actions: &str) -> Self {
        Self {
            repository: Some(repository.clone()),
            required: Some(format!("repository:{repository}:{actions}")),
            ..Self::none()
        }
    }

    /// The repository whose credentials are used.
    pub(super) fn repository(&self) -> Option<&Repository> {
        self.repository.as_ref()
    }

    pub(in crate::registry) fn is_direct(&self) -> bool {
        self.is_direct
    }

    pub(super) fn is_union(&self) -> bool {
        self.optional_source.is_some()
    }

    /// Without the optional scope.
    pub(super) fn required(&self) -> Self {
        Self {
            optional_source: None,
            ..self.clone()
        }
    }

    /// As sent to token servers, the required one first.
    pub(super) fn names(&self) -> Vec<String> {
        let optional = self.optional_source.as_ref();
        let optional = optional.map(|repository| format!("repository:{repository}:pull"));
        self.required.iter().cloned().chain(optional).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quirk_20_to_delete_is_asked_for_only_to_delete() {
        let repository = "a".parse().unwrap();
        assert_eq!(Scopes::pull(&repository).names(), ["repository:a:pull"]);
        assert_eq!(
            Scopes::push(&repository).names(),
            ["repository:a:pull,push"]
        );
        assert_eq!(
            Scopes::delete(&repository).names(),
            ["repository:a:pull,delete"]
        );
    }

    #[test]
    fn the_required_scope_comes_first() {
        let (to, from) = ("to/a".parse().unwrap(), "from/b".parse().unwrap());
        let union = Scopes::push(&to).and_pull(&from);
        assert_eq!(
            union.names(),
            ["repository:to/a:pull,push", "repository:from/b:pull"]
        );
        assert_eq!(union.required(), Scopes::push(&to));
        assert!(Scopes::none().names().is_empty());
    }
}

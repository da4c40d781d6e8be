//! Which reference a signature has to name (containers-policy.json(5), `signedIdentity`).
//!
//! Decides it as containers/image does: references are compared in their complete form, and a reference without a tag
//! and a digest is never equal to another one. Invariant: a reference that cannot be parsed never matches.

use crate::oci::{PartialReference, Reference};

/// What a policy asks of the reference in a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedIdentity {
    Exact,
    RepositoryDigestOrExact,
    Repository,
    ExactReference(String),
    ExactRepository(String),
    Remap {
        prefix: String,
        signed_prefix: String,
    },
}

/// A reference, and whether something selects an image in its repository.
#[derive(Debug, PartialEq, Eq)]
struct Name {
    /// Registry and repository.
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        let partial: PartialReference = text.parse().ok()?;
        let full: Reference = text.parse().ok()?;
        Some(Self {
            repository: repository_of(&full),
            tag: partial.tag.map(|tag| tag.to_string()),
            digest: partial.digest.map(|digest| digest.to_string()),
        })
    }

    /// What an image is called by its reference. A digest selects the image, whatever the tag says.
    fn of(reference: &Reference) -> Self {
        let digest = reference.digest.as_ref().map(ToString::to_string);
        let tag = reference.tag.as_ref().filter(|_| digest.is_none());
        Self {
            repository: repository_of(reference),
            tag: tag.map(ToString::to_string),
            digest,
        }
    }

    fn is_complete(&self) -> bool {
        self.tag.is_some() || self.digest.is_some()
    }

    fn equals(&self, other: &Self) -> bool {
        self.is_complete() && self == other
    }

    /// Whether a signature of `signed` holds for the image: for a tag the same reference, for a digest the repository.
    fn is_signed_as(&self, signed: &Self) -> bool {
        match &self.digest {
            Some(_) => self.repository == signed.repository,
            None => self.equals(signed),
        }
    }
}

/// The complete name of a repository, with its registry.
pub(super) fn repository_of(reference: &Reference) -> String {
    format!("{}/{}", reference.registry, reference.repository)
}

impl SignedIdentity {
    /// Whether a signature of the reference `signed` holds for an image, which may have no reference in its store.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) fn check(&self, image: Option<&Reference>, signed: &str) -> Result<(), String> {
        let Some(name) = Name::parse(signed) else {
            return Err(format!("it is valid, but {signed:?} in it is no reference"));
        };
        let image = || {
            let reference = image.ok_or(
                "it is valid, but an image of this store has no reference to compare: the policy needs a \
                 signedIdentity of the type exactReference or exactRepository",
            )?;
            Ok::<_, String>(Name::of(reference))
        };
        let matches = match self {
            Self::Exact => image()?.equals(&name),
            Self::RepositoryDigestOrExact => image()?.is_signed_as(&name),
            Self::Repository => image()?.repository == name.repository,
            Self::ExactReference(expected) => {
                Name::parse(expected).is_some_and(|expected| expected.equals(&name))
            }
            Self::ExactRepository(expected) => {
                Name::parse(expected).is_some_and(|expected| expected.repository == name.repository)
            }
            Self::Remap {
                prefix,
                signed_prefix,
            } => {
                let mut image = image()?;
                if let Some(rest) = image.repository.strip_prefix(prefix.as_str())
                    && (rest.is_empty() || rest.starts_with('/'))
                {
                    image.repository = format!("{signed_prefix}{rest}");
                }
                image.is_signed_as(&name)
            }
        };
        match matches {
            true => Ok(()),
            false => Err(format!(
                "it is valid, but of {signed:?}, which the policy's signedIdentity does not accept for this image"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn holds(identity: &SignedIdentity, image: &str, signed: &str) -> bool {
        let image: Reference = image.parse().unwrap();
        identity.check(Some(&image), signed).is_ok()
    }

    #[test]
    fn each_rule_accepts_its_references_and_no_others() {
        let by_digest = format!("r.example/a/b@{DIGEST}");
        let remap = SignedIdentity::Remap {
            prefix: "mirror.example/vendor".into(),
            signed_prefix: "vendor.example".into(),
        };
        let exact = SignedIdentity::ExactReference("v.example/a:1".into());
        let repository = SignedIdentity::ExactRepository("v.example/a".into());
        let either = SignedIdentity::RepositoryDigestOrExact;
        for (identity, image, signed, expected) in [
            (
                &SignedIdentity::Exact,
                "r.example/a/b:1",
                "r.example/a/b:1",
                true,
            ),
            (
                &SignedIdentity::Exact,
                "r.example/a/b:1",
                "r.example/a/b:2",
                false,
            ),
            (&SignedIdentity::Exact, &by_digest, "r.example/a/b:1", false),
            (
                &SignedIdentity::Exact,
                "busybox:1",
                "docker.io/library/busybox:1",
                true,
            ),
            (
                &SignedIdentity::Exact,
                "r.example/a:latest",
                "r.example/a",
                false,
            ),
            (&either, "r.example/a/b:1", "r.example/a/b:2", false),
            (&either, &by_digest, "r.example/a/b:2", true),
            (&either, &by_digest, "r.example/a/c:2", false),
            (
                &SignedIdentity::Repository,
                "r.example/a/b:1",
                "r.example/a/b",
                true,
            ),
            (
                &SignedIdentity::Repository,
                "r.example/a/b:1",
                "r.example/a:1",
                false,
            ),
            (&exact, "r.example/a/b:1", "v.example/a:1", true),
            (&exact, "r.example/a/b:1", "v.example/a:2", false),
            (&repository, "r.example/a/b:1", "v.example/a:9", true),
            (&repository, "r.example/a/b:1", "v.example/b:9", false),
            (
                &remap,
                "mirror.example/vendor/x:1",
                "vendor.example/x:1",
                true,
            ),
            (
                &remap,
                "mirror.example/vendor/x:1",
                "mirror.example/vendor/x:1",
                false,
            ),
            (
                &remap,
                "mirror.example/vendors/x:1",
                "vendor.example/x:1",
                false,
            ),
            (
                &remap,
                "mirror.example/vendors/x:1",
                "mirror.example/vendors/x:1",
                true,
            ),
            (
                &SignedIdentity::Repository,
                "r.example/a:1",
                "no reference",
                false,
            ),
        ] {
            let found = holds(identity, image, signed);
            assert_eq!(found, expected, "{identity:?} {image} {signed}");
        }
    }

    #[test]
    fn an_image_without_a_reference_is_compared_with_a_written_one_only() {
        let exact = SignedIdentity::ExactReference("v.example/a:1".into());
        assert_eq!(exact.check(None, "v.example/a:1"), Ok(()));
        let refused = SignedIdentity::Repository.check(None, "v.example/a:1");
        assert!(refused.unwrap_err().contains("exactRepository"));
    }
}

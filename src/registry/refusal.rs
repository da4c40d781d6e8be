//! Why a registry refuses a request that it understands, and what an operator can do about it.
//!
//! Decides from operation, status, code and text, because registries use different codes and statuses for the same
//! refusal (see registry/quirks.md). Invariant: a refusal is not retried; something has to be changed first.

use super::{FailureClass, Operation};

/// The code for content that is not what its digest says.
pub(super) const DIGEST_INVALID: &str = "DIGEST_INVALID";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The repository has to be created before a push (quirk 1).
    MissingRepository,
    /// The level above repositories, in Harbor and others.
    MissingProject,
    /// The tag names another manifest and may not be changed (quirk 6).
    ImmutableTag,
    /// Storage, image count, layer count (quirk 7).
    Quota,
    /// The manifest has no `mediaType`. The spec allows that, the registry does not (quirk 9).
    NoMediaType,
    /// The registry accepts images, but not this kind of manifest (quirk 22).
    UnsupportedContent,
    TooLarge,
    /// The registry does not support the digest's algorithm.
    UnsupportedDigest,
    /// A rule of the registry's administrator.
    Policy,
}

impl Refusal {
    pub(super) fn of(
        operation: Operation,
        status: u16,
        code: Option<&str>,
        message: Option<&str>,
    ) -> Option<Self> {
        let code = code.unwrap_or_default();
        let message = message.unwrap_or_default().to_ascii_lowercase();
        let says = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
        let is = |codes: &[&str]| codes.contains(&code);
        match status {
            // About credentials, timeouts and rate limits.
            401 | 408 | 425 | 429 | 499 => return None,
            400..500 => {}
            507 => return Some(Self::Quota),
            _ => return None,
        }
        if is(&["TOOMANYREQUESTS"]) || says(&["throttl"]) {
            return None;
        }
        let puts_manifest = operation == Operation::PutManifest;
        let writes =
            puts_manifest || matches!(operation, Operation::BeginUpload | Operation::SendBlob);
        let immutable = is(&["TAG_IMMUTABLE", "TAG_ALREADY_EXISTS"])
            || says(&[
                "immutab",
                "imagetagalreadyexists",
                "tag already exists",
                "does not allow updating",
            ])
            || status == 409;
        if puts_manifest && immutable {
            return Some(Self::ImmutableTag);
        }
        let limit = is(&["QUOTA_EXCEEDED"])
            || says(&["quota", "limitexceeded", "insufficient storage"])
            || (says(&["exceed"]) && says(&["limit", "storage", "layers", "maximum"]));
        if writes && limit {
            return Some(Self::Quota);
        }
        if says(&["project"]) && says(&["not found", "does not exist", "not exist"]) {
            return writes.then_some(Self::MissingProject);
        }
        // A lost session is no missing repository: it has another code, and another operation.
        let begins = operation == Operation::BeginUpload;
        if status == 404 && (begins || (puts_manifest && is(&["NAME_UNKNOWN", "NOT_FOUND"]))) {
            return Some(Self::MissingRepository);
        }
        if writes && is(&[DIGEST_INVALID]) && says(&["unsupported", "algorithm"]) {
            return Some(Self::UnsupportedDigest);
        }
        if puts_manifest && (status == 413 || is(&["MANIFEST_TOO_LARGE", "SIZE_INVALID"])) {
            return Some(Self::TooLarge);
        }
        let policy =
            says(&["policy", "blocked", "disallowed"]) || code.contains("POLICY") || status == 412;
        if puts_manifest && says(&["invalid json syntax"]) {
            return Some(Self::NoMediaType);
        }
        let unsupported = status == 415
            || is(&["MANIFEST_INVALID", "UNSUPPORTED", "UNSUPPORTED_MEDIA_TYPE"])
            || says(&["unsupported", "unknown media type", "unknown artifact"]);
        match () {
            () if policy => Some(Self::Policy),
            () if puts_manifest && unsupported => Some(Self::UnsupportedContent),
            () => None,
        }
    }

    pub(super) fn class(self) -> FailureClass {
        match self {
            Self::MissingRepository | Self::MissingProject => FailureClass::NotFound,
            Self::ImmutableTag
            | Self::Quota
            | Self::NoMediaType
            | Self::UnsupportedContent
            | Self::TooLarge
            | Self::UnsupportedDigest
            | Self::Policy => FailureClass::Rejected,
        }
    }

    /// What an operator can do about it.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::MissingRepository => {
                "create the repository there, or set a `create-command` for the destination; then retry"
            }
            Self::MissingProject => {
                "create the project there (the first part of the path), or change the list's \
                 `prefix` or `[[rewrite]]` to one that exists; then retry"
            }
            Self::ImmutableTag => {
                "choose another tag with `to`, or allow changes of the repository's tags"
            }
            Self::Quota => "make room or raise the limit there; then retry",
            Self::NoMediaType => {
                "this registry requires a `mediaType` in the manifest; adding one would change the \
                 image's digest, so rebuild or convert the image, or choose another registry"
            }
            Self::UnsupportedContent => {
                "this registry does not accept this kind of manifest; choose only `platforms` it accepts, \
                 leave the image out, or choose another registry"
            }
            Self::TooLarge => "this registry does not accept manifests of this size",
            Self::UnsupportedDigest => {
                "this registry does not accept digests of this algorithm; rebuild the image with \
                 SHA-256, or choose another registry"
            }
            Self::Policy => {
                "a rule of the registry forbids it: ask its administrator, or leave the image out"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(status: u16, code: &str, message: &str) -> Option<Refusal> {
        Refusal::of(Operation::PutManifest, status, Some(code), Some(message))
    }

    fn begin(status: u16, code: &str, message: &str) -> Option<Refusal> {
        Refusal::of(Operation::BeginUpload, status, Some(code), Some(message))
    }

    #[test]
    fn quirk_1_a_repository_that_has_to_be_made_first_is_recognised() {
        let ecr = "The repository with name 'team/app' does not exist in the registry";
        assert_eq!(
            begin(404, "NAME_UNKNOWN", ecr),
            Some(Refusal::MissingRepository)
        );
        assert_eq!(
            begin(404, "NOT_FOUND", "project mirror not found"),
            Some(Refusal::MissingProject)
        );
        assert_eq!(
            begin(403, "FORBIDDEN", "project \"mirror\" does not exist"),
            Some(Refusal::MissingProject)
        );
        let gone = Refusal::of(
            Operation::SendBlob,
            404,
            Some("BLOB_UPLOAD_UNKNOWN"),
            Some("upload unknown to registry"),
        );
        assert_eq!(gone, None);
    }

    #[test]
    fn quirk_6_immutable_tags_are_recognised_however_they_are_spelled() {
        let ecr = "The image tag '1.0' already exists in the 'app' repository and cannot be \
                   overwritten because the tag is immutable.";
        for (status, code, message) in [
            (400, "TAG_INVALID", ecr),
            (
                400,
                "ImageTagAlreadyExistsException",
                "ImageTagAlreadyExistsException: x",
            ),
            (
                412,
                "PRECONDITION",
                "Failed to process request due to 'app:1.0' configured as immutable.",
            ),
            (
                400,
                "UNKNOWN",
                "cannot update tag 1.0. The repository has enabled tag immutability",
            ),
            (
                400,
                "UNKNOWN",
                "Repository does not allow updating assets: docker-hosted",
            ),
            (409, "CONFLICT", "exists"),
        ] {
            assert_eq!(
                put(status, code, message),
                Some(Refusal::ImmutableTag),
                "{message}"
            );
        }
        assert_eq!(put(400, "TAG_INVALID", "tag invalid"), None);
    }

    #[test]
    fn quirk_7_quotas_are_told_from_credentials() {
        let harbor = "adding 10.0 MiB of storage resource, which when updated to current usage of \
                      9.9 GiB will exceed the configured upper limit of 10.0 GiB.";
        assert_eq!(put(403, "DENIED", harbor), Some(Refusal::Quota));
        assert_eq!(put(412, "PRECONDITION", harbor), Some(Refusal::Quota));
        let layers = "layers per image exceeded";
        assert_eq!(put(405, "UNSUPPORTED", layers), Some(Refusal::Quota));
        assert_eq!(begin(507, "", ""), Some(Refusal::Quota));
        assert_eq!(
            begin(403, "DENIED", "requested access to the resource is denied"),
            None
        );
        assert_eq!(begin(429, "TOOMANYREQUESTS", "quota exceeded"), None);
    }

    #[test]
    fn quirk_9_a_manifest_refused_for_its_missing_media_type_is_not_rewritten_but_explained() {
        let refusal = put(
            405,
            "UNSUPPORTED",
            "Invalid parameter: 'Invalid JSON syntax'",
        );
        assert_eq!(refusal, Some(Refusal::NoMediaType));
        assert!(Refusal::NoMediaType.hint().contains("digest"));
    }

    #[test]
    fn quirk_22_what_a_destination_does_not_take_is_its_policy() {
        for (status, code, message) in [
            (400, "MANIFEST_INVALID", "manifest invalid"),
            (415, "", ""),
            (405, "UNSUPPORTED", "The operation is unsupported."),
        ] {
            assert_eq!(
                put(status, code, message),
                Some(Refusal::UnsupportedContent)
            );
        }
        let harbor =
            "current image with 3 vulnerabilities cannot be pulled due to configured policy";
        let pull = Refusal::of(
            Operation::GetManifest,
            412,
            Some("PROJECTPOLICYVIOLATION"),
            Some(harbor),
        );
        assert_eq!(pull, Some(Refusal::Policy));
        assert_eq!(Refusal::Policy.class(), FailureClass::Rejected);
    }
}

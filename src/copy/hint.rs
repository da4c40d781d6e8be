//! What the operator can do about a failed copy.
//!
//! Decides the hint by cause, operation and side. `None` means that the advice for the failure's class is enough: wait,
//! check the credentials, check the name. Invariant: every failure that a retry cannot pass has a hint, since there is
//! no advice for that class.

use super::CopyError;
use crate::{
    batch::Side,
    oci::ManifestError,
    registry::{Error, ErrorCause, FailureClass, Operation, Refusal},
    transport,
};

impl CopyError {
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Store { side, error } => of_store(*side, error),
            Self::NoPlatform { .. } => Some("select platforms that it has, or all"),
            Self::Incomplete { .. } => Some(
                "select the `platforms` that the source has, or push the missing manifest there",
            ),
            Self::Conflict { .. } => Some(Refusal::ImmutableTag.hint()),
            Self::Create(_) => Some("run the `create-command` by hand to see what it needs"),
            Self::TooDeep(_) => Some(
                "no image needs that: leave it out; if its attachments are nested, \
                 `referrers = false` copies the image without them",
            ),
            Self::Existing { .. } => Some(
                "write `on-existing = \"replace\"` to replace it, or \"keep\" to skip the image",
            ),
            Self::Hidden { .. } => Some(
                "give the credentials the right to read there, or write `on-existing = \"replace\"`",
            ),
            Self::NotKept(_) => {
                Some("make room or give access where the rollback file is, then retry")
            }
            Self::Unsigned { .. } => Some(
                "sign that digest with `cosign sign --key`, name the key that signed it, or copy it with \
                 `require-signature = false`",
            ),
            Self::RefusedByPolicy { .. } => Some(
                "sign that digest with a key of the policy, for example with `transship standalone-sign`, or correct \
                 that entry of the policy",
            ),
            Self::SignatureStorage { .. } => {
                Some("check `lookaside` in registries.d, and that its storage can be read")
            }
            Self::Unsupported(_) => Some("name another kind of store, or other platforms"),
        }
    }
}

const PUSH_AGAIN: &str =
    "the content at the source does not match its digest: push the image there again";

fn of_store(side: Side, error: &transport::Error) -> Option<&'static str> {
    match error {
        transport::Error::Registry(error) => of_registry(side, error),
        transport::Error::Local(error) => Some(error.hint()),
        transport::Error::Damaged { .. } => {
            Some("its own copy is damaged and an upload does not replace it: delete the blob there")
        }
        transport::Error::Corrupt { .. } => Some(PUSH_AGAIN),
        transport::Error::Unconvertible(_) => {
            Some("copy it without `format`, or select platforms that can be converted")
        }
    }
}

fn of_registry(side: Side, error: &Error) -> Option<&'static str> {
    match (&*error.cause, error.operation) {
        (ErrorCause::OverBudget(_), _) => Some(
            "no image needs that much; `platforms`, `referrers = false` and `cosign-tags = false` \
             copy less of it",
        ),
        (ErrorCause::Unreachable { .. }, _) => Some("check its address, and that it is up"),
        (_, Operation::ListReferrers) => {
            Some("`referrers = false` copies the image without its referrers")
        }
        (ErrorCause::Status { .. }, _) => of_status(side, error),
        // All of these may pass; the class says so.
        (
            ErrorCause::Network(_)
            | ErrorCause::Stalled(_)
            | ErrorCause::TooSlow { .. }
            | ErrorCause::RateLimited(_)
            | ErrorCause::Expired,
            _,
        ) => None,
        (ErrorCause::Protocol(_), _) => Some(
            "this is not how a registry answers: check the address, and any proxy in front of the \
             registry",
        ),
        (ErrorCause::Redirect(_), _) => {
            Some("check where the registry, or a proxy in front of it, redirects to")
        }
        (ErrorCause::TooLong(_), Operation::GetManifest | Operation::HeadManifest) => {
            Some("no image needs a manifest of that size: leave the image out")
        }
        (ErrorCause::TooLong(_), _) => {
            Some("no answer may be that long: check what answers at this address")
        }
        (ErrorCause::FallbackTaken(_), _) => Some(
            "delete that tag there, or tag its manifest differently; then copy again with \
             `recheck-attachments`",
        ),
        (ErrorCause::LongerThanDeclared { .. }, _) => Some(PUSH_AGAIN),
        (ErrorCause::Digest { .. }, Operation::PutManifest) => Some(
            "it stored another manifest than was sent: check what changes manifests there, or in a \
             proxy",
        ),
        (ErrorCause::Digest { .. }, _) => Some(match side {
            Side::Source => PUSH_AGAIN,
            Side::Destination | Side::Local => {
                "its content does not match its digest: delete it there, then retry"
            }
        }),
        (ErrorCause::Manifest(error), _) => Some(of_manifest(error)),
        // The class says which credentials to check.
        (ErrorCause::Auth(_) | ErrorCause::NoCredentials(_) | ErrorCause::Credentials(_), _) => {
            None
        }
        (ErrorCause::Configuration(_), _) => Some(
            "correct the settings of this registry: its table in the list, its certificates, the proxy",
        ),
    }
}

fn of_manifest(error: &ManifestError) -> &'static str {
    match error {
        ManifestError::Ambiguous(_) => {
            "clients may read it in different ways: leave it out, or build and push it again"
        }
        ManifestError::TooMany { .. } => "no image needs that much in one manifest: leave it out",
        ManifestError::Json(_) | ManifestError::UnknownType => {
            "the manifest is malformed: push the image there again, or leave it out"
        }
        ManifestError::Schema1 => "convert it as the error says, or leave the image out",
        ManifestError::Unknown(_) => {
            "only OCI and Docker manifests and indexes can be copied: leave it out"
        }
    }
}

fn of_status(side: Side, error: &Error) -> Option<&'static str> {
    if let Some(refusal) = error.refusal() {
        return Some(refusal.hint());
    }
    if error.disputes_digest() {
        return Some(
            "the bytes had the right digest when they were sent: another client is probably \
             pushing the same content, so retry later",
        );
    }
    let reads_blob = matches!(error.operation, Operation::GetBlob | Operation::HeadBlob);
    match (error.class(), side) {
        (FailureClass::Transient { .. } | FailureClass::Auth, _) => None,
        (FailureClass::NotFound, Side::Source) if reads_blob => {
            Some("the source lacks a part of its own image: push the image there again")
        }
        (FailureClass::NotFound | FailureClass::Rejected, Side::Destination)
            if lost_content(error) =>
        {
            Some(
                "the destination lost content that it said it has: retry; if that does not help, check \
             its storage and garbage collection",
            )
        }
        (FailureClass::NotFound, Side::Destination) => {
            Some("check that the repository exists there; if not, create it, then retry")
        }
        (FailureClass::NotFound, Side::Source | Side::Local) => None,
        (FailureClass::Rejected | FailureClass::Corrupt | FailureClass::Internal, _) => {
            Some(match (error.operation, error.status()) {
                (Operation::SendBlob, Some(413)) => {
                    "the registry, or a proxy in front of it, limits the length of requests: raise \
                     that limit"
                }
                _ => "only its answer gives a reason: ask who runs the registry, or check its log",
            })
        }
    }
}

/// Whether the registry does not find what was put there before.
fn lost_content(error: &Error) -> bool {
    const CODES: [&str; 3] = ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN"];
    error.operation == Operation::PutManifest
        && matches!(&*error.cause, ErrorCause::Status { code: Some(code), .. }
            if CODES.contains(&code.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    #[test]
    fn a_missing_image_has_another_hint_than_a_missing_part() {
        let absent = |operation| CopyError::Store {
            side: Side::Source,
            error: transport::Error::Registry(registry::Error {
                operation,
                registry: "a.example".parse().unwrap(),
                url: None,
                cause: Box::new(ErrorCause::Status {
                    status: 404,
                    code: None,
                    message: None,
                    retry_after: None,
                }),
            }),
        };
        assert_eq!(absent(Operation::GetManifest).hint(), None);
        let lost = absent(Operation::GetBlob);
        assert_eq!(lost.class(), FailureClass::NotFound);
        let hint = "hint: the source lacks a part of its own image: push the image there again";
        assert_eq!(lost.chain().last().unwrap(), hint);
    }
}

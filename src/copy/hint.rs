//! What can be done about a failed copy.
//!
//! Decides the sentence by cause, operation and side. `None` means that what holds for every failure of its class is
//! all there is to say: wait, check the credentials, check the name. Invariants: a hint is true of everything that it
//! is given for; what is refused for good always has one, since nothing holds for all of that.

use super::CopyError;
use crate::{
    batch::Side,
    oci::ManifestError,
    registry::{Error, ErrorCause, FailureClass, Operation, Refusal},
};

impl CopyError {
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Registry { side, error } => of_registry(*side, error),
            Self::NoPlatform { .. } => Some("choose among the platforms it has, or all of them"),
            Self::Incomplete { .. } => {
                Some("choose the `platforms` the source has, or push what is missing there")
            }
            Self::Conflict { .. } => Some(Refusal::ImmutableTag.hint()),
            Self::Create(_) => Some("run the `create-command` by hand to see what it needs"),
            Self::TooDeep(_) => Some(
                "no image needs that: leave it out; if it is what is attached that is nested, \
                 `referrers = false` copies the image without",
            ),
            Self::Existing { .. } => Some(
                "write `on-existing = \"replace\"` to replace it, or \"keep\" to skip the image",
            ),
            Self::Hidden { .. } => Some(
                "the credentials need the right to read there; with `on-existing = \"replace\"` nobody has to know",
            ),
            Self::Damaged { .. } => Some(
                "its own copy is damaged and an upload does not replace it: delete the blob there",
            ),
            Self::Corrupt { .. } => Some(PUSH_AGAIN),
        }
    }
}

const PUSH_AGAIN: &str =
    "the source does not have what the digest names: push the image there again";

fn of_registry(side: Side, error: &Error) -> Option<&'static str> {
    match (&*error.cause, error.operation) {
        (ErrorCause::OverBudget(_), _) => Some(
            "no image needs that much; `platforms`, `referrers = false` and `cosign-tags = false` \
             copy less of it",
        ),
        (ErrorCause::Unreachable { .. }, _) => Some("check its address, and that it is up"),
        // Not one of an image's manifests or blobs: the image can do without.
        (_, Operation::ListReferrers) => {
            Some("`referrers = false` copies the image without what refers to it")
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
            "this is not how a registry answers: check the address, and what stands before the \
             registry",
        ),
        (ErrorCause::Redirect(_), _) => {
            Some("check where the registry, or what stands before it, leads to")
        }
        (ErrorCause::TooLong(_), Operation::GetManifest | Operation::HeadManifest) => {
            Some("no image needs a manifest of that size: leave the image out")
        }
        (ErrorCause::TooLong(_), _) => {
            Some("nothing that long is ever read: check what answers at this address")
        }
        (ErrorCause::FallbackTaken(_), _) => Some(
            "delete that tag there, or give what it names another one; then copy again with \
             `recheck-attachments`",
        ),
        (ErrorCause::LongerThanDeclared { .. }, _) => Some(PUSH_AGAIN),
        (ErrorCause::Digest { .. }, Operation::PutManifest) => Some(
            "what it stored is not what was sent: look for what changes manifests there, or on the \
             way",
        ),
        (ErrorCause::Digest { .. }, _) => Some(match side {
            Side::Source => PUSH_AGAIN,
            Side::Destination | Side::Local => {
                "it does not have what the digest names: delete it there, then retry"
            }
        }),
        (ErrorCause::Manifest(error), _) => Some(of_manifest(error)),
        // The class says which credentials to check.
        (ErrorCause::Auth(_) | ErrorCause::NoCredentials(_) | ErrorCause::Credentials(_), _) => {
            None
        }
        (ErrorCause::Configuration(_), _) => Some(
            "correct what is configured for this registry: its table in the list, its certificates, the proxy",
        ),
    }
}

fn of_manifest(error: &ManifestError) -> &'static str {
    match error {
        ManifestError::Ambiguous(_) => {
            "readers may take it for different things: leave it out, or build and push it anew"
        }
        ManifestError::TooMany { .. } => "no image needs that much in one manifest: leave it out",
        ManifestError::Json(_) | ManifestError::UnknownType => {
            "the manifest is malformed: push the image there again, or leave it out"
        }
        ManifestError::Schema1 => "convert it as it says, or leave the image out",
        ManifestError::Unknown(_) => {
            "only OCI and Docker manifests and indexes can be copied: leave it out"
        }
    }
}

/// A status that says something went wrong.
fn of_status(side: Side, error: &Error) -> Option<&'static str> {
    if let Some(refusal) = error.refusal() {
        return Some(refusal.hint());
    }
    if error.disputes_digest() {
        return Some(
            "the bytes were right when they were sent: somebody else probably pushes the same \
             content there, so retry later",
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
                "the destination does not find what it said it has: retry; if it stays so, look at its \
             storage and its garbage collection",
            )
        }
        (FailureClass::NotFound, Side::Destination) => {
            Some("check that the repository exists there; if not, create it, then retry")
        }
        (FailureClass::NotFound, Side::Source | Side::Local) => None,
        (FailureClass::Rejected | FailureClass::Corrupt | FailureClass::Internal, _) => {
            Some(match (error.operation, error.status()) {
                (Operation::SendBlob, Some(413)) => {
                    "something limits how long a request may be, the registry or what stands before \
                     it: raise that limit"
                }
                _ => {
                    "its answer is all that is known of the reason: ask who runs the registry, or \
                     look into its log"
                }
            })
        }
    }
}

/// Whether a registry does not know what was put there before.
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
    fn what_is_absent_is_told_from_a_part_of_what_is_there() {
        let absent = |operation| CopyError::Registry {
            side: Side::Source,
            error: registry::Error {
                operation,
                registry: "a.example".parse().unwrap(),
                url: None,
                cause: Box::new(ErrorCause::Status {
                    status: 404,
                    code: None,
                    message: None,
                    retry_after: None,
                }),
            },
        };
        assert_eq!(absent(Operation::GetManifest).hint(), None);
        let lost = absent(Operation::GetBlob);
        assert_eq!(lost.class(), FailureClass::NotFound);
        let hint = "hint: the source lacks a part of its own image: push the image there again";
        assert_eq!(lost.chain().last().unwrap(), hint);
    }
}

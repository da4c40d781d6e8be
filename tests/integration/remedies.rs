//! The advice for every failure class fits the failure.

use std::{collections::BTreeSet, time::Duration};

use transship::batch::Side;
use transship::{
    batch::{Failure, FailureClass},
    copy::CopyError,
    oci::{Descriptor, Digest, Manifest, ManifestError, MediaType, OnExisting},
    present,
    registry::{Error, ErrorCause, ImageBudget, Operation, ProviderError},
    transport,
};

use Side::{Destination, Source};

const OPERATIONS: [Operation; 15] = [
    Operation::Ping,
    Operation::FetchToken,
    Operation::HeadManifest,
    Operation::GetManifest,
    Operation::PutManifest,
    Operation::DeleteManifest,
    Operation::HeadBlob,
    Operation::GetBlob,
    Operation::BeginUpload,
    Operation::SendBlob,
    Operation::AskUpload,
    Operation::CancelUpload,
    Operation::ListTags,
    Operation::ListRepositories,
    Operation::ListReferrers,
];

/// A new cause needs a row in the table below: an exhaustive match.
fn row(cause: &ErrorCause) -> usize {
    match cause {
        ErrorCause::Status { .. } => 0,
        ErrorCause::Unreachable { .. } => 1,
        ErrorCause::Network(_) => 2,
        ErrorCause::Stalled(_) => 3,
        ErrorCause::TooSlow { .. } => 4,
        ErrorCause::RateLimited(_) => 5,
        ErrorCause::Protocol(_) => 6,
        ErrorCause::Redirect(_) => 7,
        ErrorCause::TooLong(_) => 8,
        ErrorCause::FallbackTaken(_) => 9,
        ErrorCause::Digest { .. } => 10,
        ErrorCause::Manifest(_) => 11,
        ErrorCause::Auth(_) => 12,
        ErrorCause::NoCredentials(_) => 13,
        ErrorCause::Credentials(_) => 14,
        ErrorCause::Expired => 15,
        ErrorCause::Configuration(_) => 16,
        ErrorCause::OverBudget(_) => 17,
        ErrorCause::LongerThanDeclared { .. } => 18,
    }
}
const ROWS: usize = 19;

fn status(status: u16, code: &str, message: &str) -> ErrorCause {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    ErrorCause::Status {
        status,
        code: text(code),
        message: text(message),
        retry_after: None,
    }
}

fn malformed(raw: &'static str) -> ErrorCause {
    let error: ManifestError = Manifest::parse(raw.into(), None).unwrap_err();
    ErrorCause::Manifest(error)
}

fn wrong_digest() -> ErrorCause {
    ErrorCause::Digest {
        expected: Digest::of(b"1"),
        got: Digest::of(b"2"),
    }
}

fn over_budget() -> ErrorCause {
    let blob = |number: u32| Descriptor {
        media_type: MediaType::new(MediaType::OCI_LAYER_GZIP),
        digest: Digest::of(&number.to_be_bytes()),
        size: 1,
        platform: None,
        artifact_type: None,
        urls: Vec::new(),
        annotations: Default::default(),
    };
    let blobs: Vec<_> = (0..20_000).map(blob).collect();
    let budget = ImageBudget::new(|| ());
    budget.add_blobs(&blobs).unwrap_err().into()
}

fn failed(side: Side, operation: Operation, cause: ErrorCause) -> Failure {
    let error = Error {
        operation,
        registry: "r.example".parse().unwrap(),
        url: None,
        cause: Box::new(cause),
    };
    Failure::from(&CopyError::Store {
        side,
        error: error.into(),
    })
}

/// Failures that are seen, and what can be done about each.
fn table() -> Vec<(Side, Operation, ErrorCause, &'static str)> {
    use Operation::{
        BeginUpload, GetBlob, GetManifest, HeadManifest, ListReferrers, ListTags, Ping,
        PutManifest, SendBlob,
    };
    let some = |text: &str| text.to_owned();
    let mixed_up = || {
        status(
            400,
            "DIGEST_INVALID",
            "provided digest did not match uploaded content",
        )
    };
    vec![
        (
            Source,
            GetManifest,
            status(503, "", ""),
            "it may be temporary: retry later",
        ),
        (
            Source,
            GetManifest,
            status(404, "", ""),
            "check the image's name and tag",
        ),
        (
            Source,
            GetBlob,
            status(404, "", ""),
            "the source lacks a part of its own image",
        ),
        (
            Source,
            GetManifest,
            status(401, "", ""),
            "check the credentials for the source registry",
        ),
        (
            Source,
            GetManifest,
            status(418, "", ""),
            "only its answer gives a reason",
        ),
        (
            Source,
            ListReferrers,
            status(418, "", ""),
            "`referrers = false` copies the image without",
        ),
        (
            Destination,
            PutManifest,
            status(403, "DENIED", ""),
            "check the credentials for the destination registry",
        ),
        (
            Destination,
            BeginUpload,
            status(404, "NAME_UNKNOWN", ""),
            "create the repository there",
        ),
        (
            Destination,
            HeadManifest,
            status(404, "", ""),
            "check that the repository exists there",
        ),
        (
            Destination,
            PutManifest,
            status(400, "MANIFEST_BLOB_UNKNOWN", ""),
            "lost content that it said it has",
        ),
        (
            Destination,
            PutManifest,
            status(404, "MANIFEST_UNKNOWN", ""),
            "lost content that it said it has",
        ),
        (
            Destination,
            PutManifest,
            status(403, "DENIED", "quota exceeded"),
            "make room or raise the limit there",
        ),
        (
            Destination,
            PutManifest,
            status(412, "", "blocked by policy"),
            "a rule of the registry forbids it",
        ),
        (
            Destination,
            PutManifest,
            status(409, "", ""),
            "choose another tag with `to`",
        ),
        (
            Destination,
            PutManifest,
            status(415, "", ""),
            "does not accept this kind of manifest",
        ),
        (
            Destination,
            PutManifest,
            status(400, "TAG_INVALID", ""),
            "only its answer gives a reason",
        ),
        (
            Destination,
            SendBlob,
            status(413, "", ""),
            "limits the length of requests",
        ),
        (
            Destination,
            SendBlob,
            mixed_up(),
            "another client is probably pushing the same content",
        ),
        (
            Destination,
            PutManifest,
            mixed_up(),
            "another client is probably pushing the same content",
        ),
        (
            Destination,
            SendBlob,
            status(400, "DIGEST_INVALID", "unsupported digest algorithm"),
            "does not accept digests of this algorithm",
        ),
        (
            Source,
            Ping,
            ErrorCause::Unreachable {
                why: some("refused"),
                again: None,
            },
            "check its address, and that it is up",
        ),
        (
            Source,
            GetBlob,
            ErrorCause::Network(some("reset")),
            "it may be temporary",
        ),
        (
            Destination,
            SendBlob,
            ErrorCause::Stalled(Duration::from_secs(60)),
            "it may be temporary",
        ),
        (
            Destination,
            SendBlob,
            ErrorCause::TooSlow {
                min_throughput: 1,
                waited: Duration::from_secs(60),
            },
            "it may be temporary",
        ),
        (
            Destination,
            SendBlob,
            ErrorCause::RateLimited(Duration::from_secs(60)),
            "it may be temporary",
        ),
        (
            Destination,
            SendBlob,
            ErrorCause::Expired,
            "it may be temporary",
        ),
        (
            Source,
            ListTags,
            ErrorCause::Protocol(some("not a list")),
            "this is not how a registry answers",
        ),
        (
            Source,
            GetBlob,
            ErrorCause::Redirect(some("it redirects in circles")),
            "check where the registry",
        ),
        (
            Source,
            GetManifest,
            ErrorCause::TooLong(8),
            "no image needs a manifest of that size",
        ),
        (
            Source,
            ListTags,
            ErrorCause::TooLong(8),
            "no answer may be that long",
        ),
        (
            Destination,
            PutManifest,
            ErrorCause::FallbackTaken("sha256-1".parse().unwrap()),
            "delete that tag there",
        ),
        (
            Source,
            GetManifest,
            wrong_digest(),
            "push the image there again",
        ),
        (
            Destination,
            PutManifest,
            wrong_digest(),
            "it stored another manifest than was sent",
        ),
        (
            Destination,
            GetManifest,
            wrong_digest(),
            "delete it there, then retry",
        ),
        (
            Source,
            GetManifest,
            ErrorCause::LongerThanDeclared { declared: 8 },
            "push the image there again",
        ),
        (
            Source,
            GetManifest,
            over_budget(),
            "no image needs that much",
        ),
        (
            Source,
            GetManifest,
            malformed(r#"{"schemaVersion": 2, "manifests": [], "layers": []}"#),
            "clients may read it in different ways",
        ),
        (
            Source,
            GetManifest,
            malformed("<html>"),
            "the manifest is malformed",
        ),
        (
            Source,
            GetManifest,
            malformed("{}"),
            "the manifest is malformed",
        ),
        (
            Source,
            GetManifest,
            malformed(r#"{"schemaVersion": 1}"#),
            "convert it as the error says",
        ),
        (
            Source,
            GetManifest,
            malformed(r#"{"mediaType": "text/plain"}"#),
            "only OCI and Docker manifests",
        ),
        (
            Source,
            Ping,
            ErrorCause::Auth(some("no")),
            "check the credentials for the source registry",
        ),
        (
            Destination,
            Ping,
            ErrorCause::NoCredentials(some("no")),
            "check the credentials for the destination registry",
        ),
        (
            Source,
            Ping,
            ErrorCause::Credentials(ProviderError::Unusable(some("no"))),
            "check the credentials for the source registry",
        ),
        (
            Source,
            Ping,
            ErrorCause::Credentials(ProviderError::Unavailable(some("no"))),
            "it may be temporary",
        ),
        (
            Source,
            Ping,
            ErrorCause::Configuration(some("it speaks TLS")),
            "correct the settings of this registry",
        ),
    ]
}

#[test]
fn every_cause_has_a_remedy_that_is_true_of_it() {
    let mut rows = BTreeSet::new();
    for (side, operation, cause, expected) in table() {
        rows.insert(row(&cause));
        let failure = failed(side, operation, cause);
        let remedy = present::remedy(&failure);
        assert!(remedy.contains(expected), "{failure:?}: {remedy}");
    }
    assert_eq!(rows, (0..ROWS).collect());
}

#[test]
fn what_is_refused_for_good_never_gets_a_remedy_of_its_class_alone() {
    for (_, _, cause, _) in table() {
        for operation in OPERATIONS {
            for side in [Source, Destination] {
                let failure = failed(side, operation, cause.clone());
                let general = match failure.class {
                    FailureClass::Transient { .. }
                    | FailureClass::Auth
                    | FailureClass::NotFound => true,
                    FailureClass::Rejected | FailureClass::Corrupt | FailureClass::Internal => {
                        false
                    }
                };
                assert!(general || failure.hint().is_some(), "{failure:?}");
            }
        }
    }
}

#[test]
fn what_the_engine_finds_out_itself_has_a_remedy() {
    let of = |side, error| CopyError::Store { side, error };
    let corrupt = transport::Error::Corrupt {
        digest: Digest::of(b"1"),
        problem: "it ended early".into(),
    };
    let conflict = CopyError::Conflict {
        version: "1".into(),
        there: Digest::of(b"1"),
        wanted: Digest::of(b"2"),
    };
    let existing = CopyError::Existing {
        version: "1".into(),
        there: Digest::of(b"1"),
        on_existing: OnExisting::Fail,
    };
    let hidden = CopyError::Hidden {
        version: "1".into(),
        on_existing: OnExisting::Keep,
        error: transport::Error::Registry(Error {
            operation: Operation::HeadManifest,
            registry: "r.example".parse().unwrap(),
            url: None,
            cause: Box::new(status(403, "", "")),
        }),
    };
    let damaged = transport::Error::Damaged {
        digest: Digest::of(b"1"),
        size: 2,
        got: 1,
    };
    let no_platform = CopyError::NoPlatform {
        available: Vec::new(),
    };
    for (error, expected) in [
        (of(Source, corrupt), "push the image there again"),
        (conflict, "choose another tag with `to`"),
        (no_platform, "select platforms that it has, or all"),
        (CopyError::TooDeep(5), "no image needs that"),
        (existing, "to replace it, or \"keep\""),
        (hidden, "the right to read there"),
        (of(Destination, damaged), "delete the blob there"),
    ] {
        let failure = Failure::from(&error);
        assert!(present::remedy(&failure).contains(expected), "{failure:?}");
    }
}

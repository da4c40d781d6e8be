//! The kinds of requests that the client sends. Rate limits and errors tell them apart.

use std::fmt;

/// One kind of request. Its text fits after "failed to".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    Ping,
    FetchToken,
    HeadManifest,
    GetManifest,
    PutManifest,
    DeleteManifest,
    HeadBlob,
    GetBlob,
    DeleteBlob,
    BeginUpload,
    SendBlob,
    AskUpload,
    CancelUpload,
    ListTags,
    ListRepositories,
    ListReferrers,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ping => "reach the registry",
            Self::FetchToken => "fetch a token",
            Self::HeadManifest => "look up the manifest",
            Self::GetManifest => "read the manifest",
            Self::PutManifest => "write the manifest",
            Self::DeleteManifest => "delete the manifest",
            Self::HeadBlob => "look up the blob",
            Self::GetBlob => "read the blob",
            Self::DeleteBlob => "delete the blob",
            Self::BeginUpload => "begin the upload",
            Self::SendBlob => "send the blob",
            Self::AskUpload => "ask how far the upload got",
            Self::CancelUpload => "cancel the upload",
            Self::ListTags => "list the tags",
            Self::ListRepositories => "list the repositories",
            Self::ListReferrers => "list the referrers",
        })
    }
}

//! One registry as a batch uses it: its load, its limits, and which of them an operator can change.
//!
//! Invariant: a [`RegistryStatus`] is a sample; losing one loses nothing.

use serde::{Deserialize, Serialize};

use super::Millis;
use crate::oci::Store;

/// One registry as the batch uses it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryStatus {
    pub registry: Store,
    /// Blob streams in use, and how many may be in use now.
    pub streams: u16,
    pub stream_limit: u16,
    /// How many the operator allows; fewer are used while the registry throttles or is overloaded.
    pub stream_ceiling: u16,
    /// Requests sent since the batch started.
    pub requests: u64,
    /// Recent requests a second, rounded.
    pub request_rate: u32,
    /// Requests a second allowed, by the operator or because it throttled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_limit: Option<u32>,
    /// Blob bytes received from and sent to this registry since the batch started.
    pub bytes: u64,
    /// Blob bytes a second allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub byte_limit: Option<u64>,
    /// Half of the recent answers came within this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_p50_ms: Option<Millis>,
    /// 95 of 100 recent answers came within this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_p95_ms: Option<Millis>,
    /// Time until the next request, when the registry throttles or cannot be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled_ms: Option<Millis>,
    /// Requests are held back because it cannot be reached, not because it throttles.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unreachable: bool,
    /// The operation with the lowest limit, where the registry limits each on its own and has refused one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationed: Option<Rationed>,
    /// What is left of a quota of requests, where the registry reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// How blobs are sent, once the registry was found not to take them in one request.
    #[serde(default, skip_serializing_if = "UploadMode::is_whole")]
    pub upload_mode: UploadMode,
}

/// An operation that is limited on its own, because the registry refused it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rationed {
    /// A phrase that reads after "to".
    pub operation: String,
    /// Requests a second allowed, rounded up.
    pub request_limit: u32,
    /// Time until the next request of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_ms: Option<Millis>,
}

/// A quota of requests: `limit` of them in any `window_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    pub limit: u64,
    pub remaining: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_ms: Option<Millis>,
}

/// How the bytes of a blob are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum UploadMode {
    /// All bytes in the PUT that commits.
    #[default]
    Whole,
    /// All bytes in one PATCH, then an empty PUT, which can be authorized again.
    Streamed,
    /// PATCHes of at most `bytes`; each is known to have arrived before the next is sent.
    Chunks { bytes: u64 },
}

/// One limit of a registry, to be changed while the batch runs. `None` lifts a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistryLimit {
    /// Blob streams in flight at once; at least 1.
    Streams(u16),
    RequestsPerSecond(Option<u32>),
    BytesPerSecond(Option<u64>),
}

impl UploadMode {
    #[must_use]
    pub fn is_whole(&self) -> bool {
        *self == Self::Whole
    }
}

impl RegistryLimit {
    /// Whether it would let nothing through at all.
    #[must_use]
    pub fn is_zero(self) -> bool {
        matches!(
            self,
            Self::Streams(0) | Self::RequestsPerSecond(Some(0)) | Self::BytesPerSecond(Some(0))
        )
    }
}

//! A registry's lane as the fact that travels, and an operator's limit on its way back.

use crate::{
    batch::{Budget, Rationed, RegistryLimit, RegistryStatus, UploadMode},
    oci::Registry,
    registry::{self, Limit, LimiterSample},
};

pub(super) fn state(
    registry: Registry,
    lane: LimiterSample,
    upload_mode: registry::UploadMode,
) -> RegistryStatus {
    RegistryStatus {
        registry,
        streams: lane.streams,
        stream_limit: lane.stream_limit,
        stream_ceiling: lane.stream_ceiling,
        requests: lane.requests,
        // A float becomes the nearest integer it fits, never another one.
        request_rate: lane.request_rate.round() as u32,
        request_limit: lane.request_limit.map(|limit| limit.ceil() as u32),
        bytes: lane.bytes,
        byte_limit: lane.byte_limit,
        answer_p50_ms: lane.answer_p50.map(Into::into),
        answer_p95_ms: lane.answer_p95.map(Into::into),
        throttled_ms: lane.throttled.map(Into::into),
        unreachable: lane.unreachable,
        rationed: lane.rationed.map(|rationed| Rationed {
            operation: rationed.operation.to_string(),
            request_limit: rationed.request_limit.ceil() as u32,
            pause_ms: rationed.closed.map(Into::into),
        }),
        budget: lane.budget.map(|budget| Budget {
            limit: budget.limit,
            remaining: budget.remaining,
            window_ms: budget.window.map(Into::into),
        }),
        upload_mode: match upload_mode {
            registry::UploadMode::Whole => UploadMode::Whole,
            registry::UploadMode::Streamed => UploadMode::Streamed,
            registry::UploadMode::Chunks { bytes } => UploadMode::Chunks { bytes },
        },
    }
}

pub(super) fn limit(limit: RegistryLimit) -> Limit {
    match limit {
        RegistryLimit::Streams(streams) => Limit::Streams(streams),
        RegistryLimit::RequestsPerSecond(rate) => Limit::RequestsPerSecond(rate),
        RegistryLimit::BytesPerSecond(rate) => Limit::BytesPerSecond(rate),
    }
}

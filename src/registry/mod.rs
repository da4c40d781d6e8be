//! The distribution protocol over HTTP (distribution-spec 1.1): one [`Client`] per registry.
//!
//! Decides which requests are sent, when, and what the answers mean. What to copy, and whether a failed operation is
//! retried, is decided by the caller from the error's class. Invariant: every request goes through
//! `chain/request_chain.rs`.
#![doc = include_str!("quirks.md")]

mod auth;
mod blobs;
mod body_reader;
mod chain;
mod circuit_breaker;
mod client;
mod clients;
mod connection;
mod diagnosis;
mod docker_hub;
mod error;
mod error_body;
mod harbor;
mod http_clients;
mod image_budget;
mod limiter;
mod link;
mod manifests;
mod min_throughput;
mod names;
mod numbered_pages;
mod operation;
mod pages;
mod plain_file;
mod private_network;
#[cfg(test)]
mod proptests;
mod proxy;
mod redirect_policy;
mod referrers;
mod refusal;
mod secrets;
mod single_flight;
mod stream_queue;
mod tags;
mod throttling;
mod timeouts;
mod tls;
mod upload_mode;
mod upload_session;
mod uploads;

pub use crate::batch::{FailureClass, UploadMode};
pub use auth::{Credential, CredentialProvider, Credentials, ProviderError};
pub use blobs::{BlobPresence, BlobRead};
pub use client::{Client, Settings};
pub use clients::Clients;
pub use diagnosis::PingAnswer;
pub use error::{Error, ErrorCause};
pub use image_budget::{
    ImageBudget, MAX_BLOBS, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, MAX_MANIFESTS,
    MAX_TOTAL_MANIFEST_BYTES, OverBudget,
};
pub use limiter::{Limits, RegistryLimiter, StreamPermit};
pub use manifests::{ManifestHead, PutManifest};
pub use min_throughput::MinThroughput;
pub use numbered_pages::TagTime;
pub use operation::Operation;
pub use plain_file::{FileError, PlainFiles};
pub use proxy::Proxy;
pub use referrers::{ReferrersApi, described_as_referrer};
pub use refusal::Refusal;
pub(crate) use single_flight::SingleFlight;
pub use stream_queue::{LimitedStore, StreamPermits, StreamQueue};
pub use timeouts::Timeouts;
pub use tls::TlsSettings;
pub use upload_session::UploadSession;
pub use uploads::UploadStart;

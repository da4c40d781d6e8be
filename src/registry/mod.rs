//! The distribution protocol over HTTP (distribution-spec 1.1): one [`Client`] per registry.
//!
//! Decides how a registry is spoken to and what its answers mean; does not decide what to copy, when to
//! try again, or who may run. Invariant: a request is sent at most once more than asked for, and only
//! after a 401 that new credentials may cure or on a connection that broke unanswered; every other failure is the caller's to judge by its class.

mod auth;
mod blobs;
mod client;
mod error;
mod lane;
mod link;
mod manifests;
mod pages;
mod referrers;
mod refusal;
mod tags;
mod throttling;
mod tls;
mod trust;
mod upload_mode;
mod uploads;

pub use auth::Credentials;
pub use blobs::BlobRead;
pub use client::{Client, Patience, Settings};
pub use error::{Class, Error, ErrorCause, Operation};
pub use lane::{Lane, LaneSample, Limit, Limits, StreamPermit};
pub use manifests::{ManifestHead, Written};
pub use referrers::{Referrers, described_as_referrer};
pub use refusal::Refusal;
pub use throttling::Budget;
pub use tls::TlsSettings;
pub use upload_mode::UploadMode;
pub use uploads::{Begun, UploadSession};

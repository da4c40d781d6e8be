//! TLS of one registry: settings, certificate files, which certificates are accepted, and what to do when a
//! connection fails.

mod advice;
mod certificates;
mod client_config;
mod presented;
mod settings;
mod trust;

pub(super) use advice::{answered_plain, unreached};
pub(super) use client_config::client_config;
pub(super) use presented::PresentedCertificates;
pub use settings::TlsSettings;

//! Why a signature of cosign does not count.
//!
//! Invariant: each text is a clause about one signature.

use crate::{oci::Digest, signature::payload::PayloadError};

/// Why a signature does not count.
#[derive(Debug, thiserror::Error)]
pub enum CosignRefusal {
    #[error("no required key made it")]
    OtherKey,
    #[error(
        "it was made with a certificate instead of a key (keyless), which cannot be checked offline"
    )]
    Keyless,
    #[error("it is valid, but of another image: {0}")]
    OtherImage(Digest),
    #[error("it is valid, but {0}")]
    Payload(#[from] PayloadError),
    #[error("it is an attestation of the type {0:?}, which is no signature of an image")]
    Attestation(String),
    #[error("it cannot be read: {0}")]
    Malformed(String),
}

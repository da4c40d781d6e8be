//! The signature of one manifest in a file of its own, as `skopeo standalone-sign` writes it.
//!
//! Decides what is signed, and whether a signature holds for a manifest, a reference and a set of keys. Invariant: all of
//! them have to match.

use std::time::SystemTime;

use bytes::Bytes;

use super::{
    Fingerprint, Keyring, OpenPgpError,
    payload::{Payload, PayloadError, PayloadKind},
};
use crate::oci::{Digest, Manifest, ManifestError, PartialReference, Reference};

/// Whose signatures are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedSigners {
    /// One of these keys, or a subkey of one of them.
    Fingerprints(Vec<Fingerprint>),
    /// Any of the public keys at hand.
    Any,
}

/// A signature that holds.
#[derive(Debug)]
pub struct Verified {
    pub digest: Digest,
    /// The key that made the signature.
    pub key: Fingerprint,
}

/// Why a signature does not hold.
#[derive(Debug, thiserror::Error)]
pub enum StandaloneError {
    #[error("the signature cannot be used: {0}")]
    Message(#[from] OpenPgpError),
    #[error("the signature is valid, but by {found}, which is none of the expected keys")]
    Signer { found: Fingerprint },
    #[error(transparent)]
    Payload(#[from] PayloadError),
    #[error("the signature is of the manifest {signed}; the manifest in the file is {found}")]
    Digest { signed: Digest, found: Digest },
    #[error("the signature is of {signed:?}, not of {expected:?}")]
    Reference { signed: String, expected: String },
    #[error("{0:?} is no reference of an image")]
    InvalidReference(String),
    #[error("the file is no manifest: {0}")]
    Manifest(#[from] ManifestError),
}

/// The text that is signed for a manifest, made at `seconds` since 1970.
///
/// # Errors
/// The reference is none, or the manifest is none that can be signed, such as one of schema 1.
pub fn signing_payload(
    manifest: &[u8],
    reference: &str,
    creator: &str,
    seconds: i64,
) -> Result<String, StandaloneError> {
    parsed(reference)?;
    Manifest::parse(Bytes::copy_from_slice(manifest), None)?;
    let payload = Payload {
        digest: Digest::of(manifest),
        reference: reference.into(),
    };
    Ok(payload.to_text(PayloadKind::Atomic, creator, seconds))
}

/// Verifies the signature of a manifest that is called by a reference. Both references may be short, as in `busybox`.
///
/// # Errors
/// The signature does not hold.
pub fn verify_standalone(
    manifest: &[u8],
    reference: &str,
    signers: &ExpectedSigners,
    keyring: &Keyring,
    signature: &[u8],
    now: SystemTime,
) -> Result<Verified, StandaloneError> {
    let expected = parsed(reference)?;
    let signed = keyring.verify(signature, now)?;
    let is_expected = match signers {
        ExpectedSigners::Any => true,
        ExpectedSigners::Fingerprints(expected) => {
            expected.contains(&signed.key) || expected.contains(&signed.primary)
        }
    };
    if !is_expected {
        return Err(StandaloneError::Signer { found: signed.key });
    }
    let payload = Payload::parse(&signed.text, PayloadKind::Atomic)?;
    let mut hasher = payload.digest.hasher();
    hasher.update(manifest);
    let found = hasher.finish();
    if found != payload.digest {
        return Err(StandaloneError::Digest {
            signed: payload.digest,
            found,
        });
    }
    if parsed(&payload.reference).ok() != Some(expected) {
        return Err(StandaloneError::Reference {
            signed: payload.reference,
            expected: reference.into(),
        });
    }
    Ok(Verified {
        digest: found,
        key: signed.key,
    })
}

/// What a reference names, and whether its tag is written: `busybox` and `busybox:latest` are not the same name.
fn parsed(reference: &str) -> Result<(Reference, bool), StandaloneError> {
    let partial = reference.parse::<PartialReference>();
    let (Ok(full), Ok(partial)) = (reference.parse::<Reference>(), partial) else {
        return Err(StandaloneError::InvalidReference(reference.into()));
    };
    Ok((full, partial.tag.is_some()))
}

//! Cosign's signatures, verified with public keys alone.
//!
//! Decides nothing here. Invariant: a signature by a certificate (keyless) is never valid, since only Fulcio's roots and
//! Rekor's log could confirm whose it is.

mod bundle;
mod public_key;
mod refusal;
mod simple_signing;

pub use bundle::verify_bundle;
pub use public_key::{CosignKey, CosignKeyError};
pub use refusal::CosignRefusal;
pub use simple_signing::{SimpleSignature, cosign_payload, verify_simple};

//! OpenPGP: public keys, signed messages, and signing with the key in a file.
//!
//! Decides nothing here. Invariant: no other part of the program names the OpenPGP library.

mod certificate;
mod error;
mod fingerprint;
mod keyring;
mod message;
mod secret_key;

pub use error::OpenPgpError;
pub use fingerprint::{Fingerprint, FingerprintError};
pub use keyring::Keyring;
pub use secret_key::SecretKeyFile;

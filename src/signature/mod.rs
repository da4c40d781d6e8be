//! Signatures of images: what was signed, by which key, and whether that holds for a manifest.
//!
//! Decides without any I/O, from bytes that callers read: `copy` and `cli` fetch signatures and keys. Two kinds exist:
//! OpenPGP messages (containers-signature(5)), and cosign's. Invariant: what cannot be checked here, such as a
//! certificate instead of a key, is a refusal with a reason, and never counts as a signature.

mod cosign;
mod lookaside;
mod openpgp;
mod payload;
mod policy;
mod standalone;

pub use cosign::{
    CosignKey, CosignKeyError, CosignRefusal, SimpleSignature, cosign_payload, verify_bundle,
    verify_simple,
};
pub use lookaside::{Lookaside, LookasideSection};
pub use openpgp::{Fingerprint, FingerprintError, Keyring, OpenPgpError, SecretKeyFile};
pub use payload::{Payload, PayloadError, PayloadKind};
pub use policy::{
    CosignEvidence, Evidence, Policy, PolicyImage, PolicyMistake, ReadKey, Requirement, Rule,
    SimpleEvidence, check_requirements, parse_policy,
};
pub use standalone::{
    ExpectedSigners, StandaloneError, Verified, signing_payload, verify_standalone,
};

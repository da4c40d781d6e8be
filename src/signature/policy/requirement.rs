//! One requirement of a policy.
//!
//! Invariant: its keys are read and usable.

use super::identity::SignedIdentity;
use crate::signature::{CosignKey, Keyring};

#[derive(Debug)]
pub enum Requirement {
    AcceptAnything,
    Reject,
    /// An OpenPGP signature of one of these keys.
    SignedBy {
        keys: Keyring,
        identity: SignedIdentity,
    },
    /// A signature of cosign by one of these keys.
    SigstoreSigned {
        keys: Vec<CosignKey>,
        identity: SignedIdentity,
    },
}

//! Why an OpenPGP key or message is refused.
//!
//! Invariant: each text is a clause about the signature or the key, in an operator's words.

/// Why an OpenPGP key or message is refused.
#[derive(Debug, thiserror::Error)]
pub enum OpenPgpError {
    #[error("it is no OpenPGP data: {0}")]
    Malformed(String),
    #[error("it is larger than {} MiB", .0 >> 20)]
    TooLarge(u64),
    #[error("it is not one signed OpenPGP message: {0}")]
    Shape(&'static str),
    #[error("there is no OpenPGP public key in it")]
    NoPublicKey,
    #[error("there is no OpenPGP secret key in it")]
    NoSecretKey,
    #[error("its key {0} is not among the public keys")]
    UnknownKey(String),
    #[error("the signature by {0} does not match what is signed")]
    Mismatch(String),
    #[error("it uses {0}, which is too weak to trust")]
    WeakHash(String),
    #[error("it expired")]
    Expired,
    #[error("its time of creation is missing, in the future or before that of its key")]
    Time,
    #[error("its key {key} {problem}")]
    Key { key: String, problem: KeyProblem },
    #[error("the key in the file is {found}, not {wanted}")]
    OtherKey { found: String, wanted: String },
    #[error("the passphrase does not unlock the key {0}")]
    Passphrase(String),
    #[error(
        "a key of this OpenPGP version cannot be used here; import it into GnuPG and sign without --key"
    )]
    KeyVersion,
    #[error("signing failed: {0}")]
    Signing(String),
}

/// Why a key must not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    #[error("is revoked")]
    Revoked,
    #[error("is expired")]
    Expired,
    #[error("is not bound to its primary key by a valid signature")]
    Unbound,
    #[error("is not meant for signing")]
    NotForSigning,
}

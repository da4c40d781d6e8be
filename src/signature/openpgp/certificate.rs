//! Whether a public key may sign, by what its owner said about it (RFC 9580, section 5.2.3).
//!
//! Decides as GnuPG does: a key that is revoked or expired now verifies nothing, whenever the signature was made. The
//! newest statement about a key counts. Revocations by other keys that the owner appointed are not evaluated.
//! Invariant: nothing that a key says is believed before the signature of the primary key on it is verified.

use std::time::SystemTime;

use pgp::{
    composed::{SignedPublicKey, SignedPublicSubKey},
    packet::{KeyFlags, PublicKey, Signature, SignatureType},
    types::{KeyDetails, Tag, Timestamp},
};

use super::error::KeyProblem;

/// What the owner said of a key last.
struct Statement {
    expires: Option<SystemTime>,
    flags: KeyFlags,
}

/// Whether the primary key may sign now.
pub(super) fn check_primary(key: &SignedPublicKey, now: SystemTime) -> Result<(), KeyProblem> {
    let statement = check_owner(key, now)?;
    match statement.flags == KeyFlags::default() || statement.flags.sign() {
        true => Ok(()),
        false => Err(KeyProblem::NotForSigning),
    }
}

/// Whether a subkey of `key` may sign now.
pub(super) fn check_subkey(
    key: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    now: SystemTime,
) -> Result<(), KeyProblem> {
    check_owner(key, now)?;
    let primary = &key.primary_key;
    let valid = |of: SignatureType| {
        subkey.signatures.iter().filter(move |signature| {
            signature.typ() == Some(of)
                && signature
                    .verify_subkey_binding(primary, &subkey.key)
                    .is_ok()
        })
    };
    if valid(SignatureType::SubkeyRevocation).next().is_some() {
        return Err(KeyProblem::Revoked);
    }
    let binding = newest(valid(SignatureType::SubkeyBinding)).ok_or(KeyProblem::Unbound)?;
    if is_over(expiration(&subkey.key, binding), now) {
        return Err(KeyProblem::Expired);
    }
    if !binding.key_flags().sign() {
        return Err(KeyProblem::NotForSigning);
    }
    // Otherwise anybody could claim the subkey of another.
    let is_confirmed = binding.embedded_signature().is_some_and(|confirmation| {
        let verified = confirmation.verify_primary_key_binding(&subkey.key, primary);
        verified.is_ok()
    });
    match is_confirmed {
        true => Ok(()),
        false => Err(KeyProblem::Unbound),
    }
}

/// Whether the primary key may be used at all.
fn check_owner(key: &SignedPublicKey, now: SystemTime) -> Result<Statement, KeyProblem> {
    let primary = &key.primary_key;
    let mut revocations = key.details.revocation_signatures.iter();
    if revocations.any(|revocation| {
        revocation.typ() == Some(SignatureType::KeyRevocation)
            && revocation.verify_key(primary).is_ok()
    }) {
        return Err(KeyProblem::Revoked);
    }
    let statement = newest(statements(key)).ok_or(KeyProblem::Unbound)?;
    let statement = Statement {
        expires: expiration(primary, statement),
        flags: statement.key_flags(),
    };
    match is_over(statement.expires, now) {
        true => Err(KeyProblem::Expired),
        false => Ok(statement),
    }
}

/// The valid self-signatures that describe the primary key: on the key, and on user ids that were not revoked since.
fn statements(key: &SignedPublicKey) -> impl Iterator<Item = &Signature> {
    let primary = &key.primary_key;
    let direct = key.details.direct_signatures.iter().filter(|direct| {
        direct.typ() == Some(SignatureType::Key) && direct.verify_key(primary).is_ok()
    });
    let of_users = key.details.users.iter().filter_map(move |user| {
        let own = user.signatures.iter().filter(|own| {
            is_by(own, primary)
                && own
                    .verify_certification(primary, Tag::UserId, &user.id)
                    .is_ok()
        });
        newest(own).filter(|newest| newest.typ() != Some(SignatureType::CertRevocation))
    });
    direct.chain(of_users)
}

/// Signatures of other people are many, and do not count here.
fn is_by(signature: &Signature, key: &PublicKey) -> bool {
    let id = key.legacy_key_id();
    let fingerprint = key.fingerprint();
    signature
        .issuer_key_id()
        .iter()
        .any(|issuer| **issuer == id)
        || signature
            .issuer_fingerprint()
            .iter()
            .any(|issuer| **issuer == fingerprint)
}

fn newest<'s>(signatures: impl Iterator<Item = &'s Signature>) -> Option<&'s Signature> {
    signatures.max_by_key(|signature| signature.created())
}

/// When a key ends that was described by `statement`.
fn expiration(key: &impl KeyDetails, statement: &Signature) -> Option<SystemTime> {
    let lifetime = std::time::Duration::from(statement.key_expiration_time()?);
    match lifetime.is_zero() {
        true => None,
        false => Some(SystemTime::from(key.created_at()) + lifetime),
    }
}

fn is_over(end: Option<SystemTime>, now: SystemTime) -> bool {
    end.is_some_and(|end| end <= now)
}

/// Whether a signature of `key` may have been made when it says.
pub(super) fn is_timely(created: Timestamp, key: &impl KeyDetails, now: SystemTime) -> bool {
    created >= key.created_at() && SystemTime::from(created) <= now
}

//! Public keys, and what a message is that one of them signed.
//!
//! Decides which key verifies a message. Invariant: a text is handed out only after its signature was verified with a
//! key that may sign now.

use std::time::SystemTime;

use bytes::Bytes;
use pgp::{
    armor::Dearmor,
    composed::{Deserializable as _, SignedPublicKey},
    crypto::hash::HashAlgorithm,
    packet::{PacketParser, Signature, SignatureType},
    types::{KeyDetails, VerifyingKey},
};

use super::{
    Fingerprint, OpenPgpError,
    certificate::{check_primary, check_subkey, is_timely},
    error::KeyProblem,
    message::SignedMessage,
};

/// The end of an armored block. A file may have several.
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";
/// The keys of a Linux distribution have 1 MiB.
pub(super) const MAX_KEY_BYTES: u64 = 16 << 20;

/// Public keys with their subkeys.
#[derive(Debug, Default)]
pub struct Keyring(Vec<SignedPublicKey>);

/// A text and who signed it.
#[derive(Debug)]
pub struct Signed {
    pub text: Bytes,
    /// The key that made the signature.
    pub key: Fingerprint,
    /// Its primary key; the same, unless a subkey made the signature.
    pub primary: Fingerprint,
}

impl Keyring {
    /// The public keys in a file, binary or in armored blocks. Anything that is no key is skipped, as GnuPG does.
    ///
    /// # Errors
    /// There is none, or the content is no OpenPGP data.
    pub fn parse(content: &[u8]) -> Result<Self, OpenPgpError> {
        if content.len() as u64 > MAX_KEY_BYTES {
            return Err(OpenPgpError::TooLarge(MAX_KEY_BYTES));
        }
        let mut keys = Vec::new();
        match std::str::from_utf8(content) {
            Ok(text) if text.contains("-----BEGIN PGP") => {
                for block in text
                    .split_inclusive(END)
                    .filter(|block| block.contains(END))
                {
                    let start = block.find("-----BEGIN PGP").unwrap_or_default();
                    let mut binary = Vec::new();
                    let mut dearmor = Dearmor::new(&block.as_bytes()[start..]);
                    let read = std::io::Read::read_to_end(&mut dearmor, &mut binary);
                    read.map_err(|error| OpenPgpError::Malformed(error.to_string()))?;
                    keys.extend(public_keys(&binary)?);
                }
            }
            Ok(_) | Err(_) => keys = public_keys(content)?,
        }
        match keys.is_empty() {
            true => Err(OpenPgpError::NoPublicKey),
            false => Ok(Self(keys)),
        }
    }

    /// Adds the keys of another keyring.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The fingerprints of the primary keys.
    pub fn primaries(&self) -> impl Iterator<Item = Fingerprint> {
        self.0.iter().map(Fingerprint::of)
    }

    /// The text of a message, if one of the keys signed it.
    ///
    /// # Errors
    /// It is no such message, its key is missing or must not be used, or the signature is wrong.
    pub fn verify(&self, message: &[u8], now: SystemTime) -> Result<Signed, OpenPgpError> {
        let SignedMessage { text, signature } = SignedMessage::parse(message)?;
        check_signature(&signature, now)?;
        let mut refused = None;
        for key in &self.0 {
            let own = key.public_subkeys.iter();
            let subkeys = own.filter(|subkey| is_issuer(&signature, &subkey.key));
            let primary = Some(key).filter(|key| is_issuer(&signature, &key.primary_key));
            let verified = primary
                .map(|key| {
                    let validity = check_primary(key, now);
                    check_made_by(&signature, &text, &key.primary_key, validity, now)
                })
                .into_iter()
                .chain(subkeys.map(|subkey| {
                    let validity = check_subkey(key, subkey, now);
                    check_made_by(&signature, &text, &subkey.key, validity, now)
                }));
            for made in verified {
                match made {
                    Ok(made) => {
                        return Ok(Signed {
                            text,
                            key: made,
                            primary: Fingerprint::of(key),
                        });
                    }
                    Err(error) => refused = Some(error),
                }
            }
        }
        Err(refused.unwrap_or_else(|| OpenPgpError::UnknownKey(issuer(&signature))))
    }
}

fn public_keys(binary: &[u8]) -> Result<Vec<SignedPublicKey>, OpenPgpError> {
    let packets = PacketParser::new(binary);
    let keys = SignedPublicKey::from_packets(packets.peekable());
    let keys: Result<Vec<_>, _> = keys.collect();
    keys.map_err(|error| OpenPgpError::Malformed(error.to_string()))
}

/// What does not depend on the key.
fn check_signature(signature: &Signature, now: SystemTime) -> Result<(), OpenPgpError> {
    match signature.typ() {
        Some(SignatureType::Binary | SignatureType::Text) => {}
        Some(_) | None => return Err(OpenPgpError::Shape("its signature is not one of a text")),
    }
    let hash = signature.hash_alg();
    if !hash.is_some_and(is_strong) {
        let name = hash.map_or_else(|| "an unknown hash".to_owned(), |hash| hash.to_string());
        return Err(OpenPgpError::WeakHash(name));
    }
    let created = signature.created().ok_or(OpenPgpError::Time)?;
    if let Some(lifetime) = signature.signature_expiration_time() {
        let lifetime = std::time::Duration::from(lifetime);
        if !lifetime.is_zero() && SystemTime::from(created) + lifetime <= now {
            return Err(OpenPgpError::Expired);
        }
    }
    Ok(())
}

fn is_strong(hash: HashAlgorithm) -> bool {
    matches!(
        hash,
        HashAlgorithm::Sha224
            | HashAlgorithm::Sha256
            | HashAlgorithm::Sha384
            | HashAlgorithm::Sha512
            | HashAlgorithm::Sha3_256
            | HashAlgorithm::Sha3_512
    )
}

/// Whether `key` made the signature, and may do so.
fn check_made_by(
    signature: &Signature,
    text: &[u8],
    key: &impl VerifyingKey,
    validity: Result<(), KeyProblem>,
    now: SystemTime,
) -> Result<Fingerprint, OpenPgpError> {
    let fingerprint = Fingerprint::of(key);
    let verified = signature.verify(key, text);
    verified.map_err(|_| OpenPgpError::Mismatch(fingerprint.to_string()))?;
    validity.map_err(|problem| OpenPgpError::Key {
        key: fingerprint.to_string(),
        problem,
    })?;
    let created = signature.created().ok_or(OpenPgpError::Time)?;
    match is_timely(created, key, now) {
        true => Ok(fingerprint),
        false => Err(OpenPgpError::Time),
    }
}

/// Whether the signature names `key`, or nobody.
fn is_issuer(signature: &Signature, key: &impl KeyDetails) -> bool {
    let (ids, fingerprints) = (signature.issuer_key_id(), signature.issuer_fingerprint());
    let (id, fingerprint) = (key.legacy_key_id(), key.fingerprint());
    (ids.is_empty() && fingerprints.is_empty())
        || ids.into_iter().any(|issuer| *issuer == id)
        || fingerprints
            .into_iter()
            .any(|issuer| *issuer == fingerprint)
}

/// What the signature says about its key.
fn issuer(signature: &Signature) -> String {
    let fingerprints = signature.issuer_fingerprint();
    let fingerprints = fingerprints.into_iter().map(|issuer| format!("{issuer:X}"));
    let ids = signature.issuer_key_id();
    let ids = ids.into_iter().map(|id| id.to_string().to_uppercase());
    let mut issuers = fingerprints.chain(ids);
    issuers.next().unwrap_or_else(|| "(not named)".into())
}

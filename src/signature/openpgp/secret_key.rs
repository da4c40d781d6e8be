//! Signing with the secret key in a file.
//!
//! Decides which key of the file signs. Invariant: the passphrase is not kept longer than the signing takes, and a key
//! that must not sign, by its own statements, does not.

use std::{io::Cursor, time::SystemTime};

use bytes::Bytes;
use pgp::{
    composed::{Deserializable as _, SignedSecretKey},
    crypto::hash::HashAlgorithm,
    packet::{
        LiteralData, OnePassSignature, PacketTrait as _, Signature, SignatureConfig, SignatureType,
        Subpacket, SubpacketData,
    },
    types::{KeyDetails, KeyVersion, Password, SecretParams, SigningKey, Timestamp},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    Fingerprint, OpenPgpError,
    certificate::{check_primary, check_subkey},
    keyring::MAX_KEY_BYTES,
};

/// A secret key with its subkeys, as `gpg --export-secret-keys` writes it.
pub struct SecretKeyFile(Box<SignedSecretKey>);

/// The key of a file that signs.
enum Signer<'k> {
    Primary(&'k pgp::packet::SecretKey),
    Subkey(&'k pgp::packet::SecretSubkey),
}

impl SecretKeyFile {
    /// The first key in a file, binary or armored.
    ///
    /// # Errors
    /// There is none, or the content is no OpenPGP data.
    pub fn parse(content: &[u8]) -> Result<Self, OpenPgpError> {
        if content.len() as u64 > MAX_KEY_BYTES {
            return Err(OpenPgpError::TooLarge(MAX_KEY_BYTES));
        }
        let (mut keys, _) = SignedSecretKey::from_reader_many(Cursor::new(content))
            .map_err(|_| OpenPgpError::NoSecretKey)?;
        match keys.next() {
            Some(Ok(key)) => Ok(Self(Box::new(key))),
            Some(Err(error)) => Err(OpenPgpError::Malformed(error.to_string())),
            None => Err(OpenPgpError::NoSecretKey),
        }
    }

    /// Whether a passphrase is needed to sign with the key of this fingerprint.
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    pub fn is_locked(&self, wanted: &Fingerprint) -> Result<bool, OpenPgpError> {
        let parameters = match self.signer(wanted)? {
            Signer::Primary(key) => key.secret_params(),
            Signer::Subkey(key) => key.secret_params(),
        };
        Ok(matches!(parameters, SecretParams::Encrypted(_)))
    }

    /// A signed message with this text. `wanted` is the fingerprint of the primary key, for which its signing subkey
    /// signs if it must not itself, or of a subkey.
    ///
    /// # Errors
    /// The file has another key, the key must not sign, or the passphrase is wrong.
    pub fn sign(
        &self,
        wanted: &Fingerprint,
        passphrase: &SecretString,
        text: &str,
    ) -> Result<Vec<u8>, OpenPgpError> {
        let passphrase = Password::from(passphrase.expose_secret());
        match self.signer(wanted)? {
            Signer::Primary(key) => {
                let unlocked = key.unlock(&passphrase, |_, _| Ok(()));
                check_unlocked(key, unlocked)?;
                signed(key, &passphrase, text)
            }
            Signer::Subkey(key) => {
                let unlocked = key.unlock(&passphrase, |_, _| Ok(()));
                check_unlocked(key, unlocked)?;
                signed(key, &passphrase, text)
            }
        }
    }

    fn signer(&self, wanted: &Fingerprint) -> Result<Signer<'_>, OpenPgpError> {
        let Self(key) = self;
        let (public, now) = (key.to_public_key(), SystemTime::now());
        let primary = Fingerprint::of(&key.primary_key);
        let check = |at: usize| {
            let checked = check_subkey(&public, &key.secret_subkeys[at].signed_public_key(), now);
            checked.map_err(|problem| OpenPgpError::Key {
                key: Fingerprint::of(&key.secret_subkeys[at].key).to_string(),
                problem,
            })
        };
        let mut subkeys = 0..key.secret_subkeys.len();
        if primary == *wanted {
            let Err(problem) = check_primary(&public, now) else {
                return Ok(Signer::Primary(&key.primary_key));
            };
            let signing = subkeys.find(|&at| check(at).is_ok());
            let signing = signing.ok_or_else(|| OpenPgpError::Key {
                key: primary.to_string(),
                problem,
            })?;
            return Ok(Signer::Subkey(&key.secret_subkeys[signing].key));
        }
        let own = subkeys.find(|&at| Fingerprint::of(&key.secret_subkeys[at].key) == *wanted);
        let own = own.ok_or_else(|| OpenPgpError::OtherKey {
            found: primary.to_string(),
            wanted: wanted.to_string(),
        })?;
        check(own)?;
        Ok(Signer::Subkey(&key.secret_subkeys[own].key))
    }
}

fn check_unlocked(
    key: &impl KeyDetails,
    unlocked: pgp::errors::Result<pgp::errors::Result<()>>,
) -> Result<(), OpenPgpError> {
    match unlocked {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => {
            let key = Fingerprint::of(key).to_string();
            Err(OpenPgpError::Passphrase(key))
        }
    }
}

fn signed(
    key: &impl SigningKey,
    passphrase: &Password,
    text: &str,
) -> Result<Vec<u8>, OpenPgpError> {
    if key.version() != KeyVersion::V4 {
        return Err(OpenPgpError::KeyVersion);
    }
    let failed = |error: pgp::errors::Error| OpenPgpError::Signing(error.to_string());
    let hash = match key.hash_alg() {
        stronger @ (HashAlgorithm::Sha384 | HashAlgorithm::Sha512) => stronger,
        _ => HashAlgorithm::Sha256,
    };
    let mut config = SignatureConfig::v4(SignatureType::Binary, key.algorithm(), hash);
    let hashed = [
        SubpacketData::SignatureCreationTime(Timestamp::now()),
        SubpacketData::IssuerFingerprint(key.fingerprint()),
    ];
    let hashed: Result<Vec<_>, _> = hashed.into_iter().map(Subpacket::regular).collect();
    config.hashed_subpackets = hashed.map_err(failed)?;
    let issuer = SubpacketData::IssuerKeyId(key.legacy_key_id());
    config.unhashed_subpackets = vec![Subpacket::regular(issuer).map_err(failed)?];
    let signature = config.sign(key, passphrase, text.as_bytes());
    let signature: Signature = signature.map_err(failed)?;
    let id = key.legacy_key_id();
    let announced = OnePassSignature::v3(SignatureType::Binary, hash, key.algorithm(), id);
    let literal = Bytes::copy_from_slice(text.as_bytes());
    let literal = LiteralData::from_bytes("", literal).map_err(failed)?;
    let mut message = Vec::new();
    announced
        .to_writer_with_header(&mut message)
        .map_err(failed)?;
    literal
        .to_writer_with_header(&mut message)
        .map_err(failed)?;
    signature
        .to_writer_with_header(&mut message)
        .map_err(failed)?;
    Ok(message)
}

//! A public key as cosign writes it: PEM with a SubjectPublicKeyInfo.
//!
//! Decides which algorithms are known: ECDSA with the curves P-256, P-384 and P-521, RSA from 2,048 bits (PKCS #1), and
//! Ed25519. Invariant: a key verifies with the hashes that cosign signs with, and no weaker ones.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA256_ASN1,
    ECDSA_P521_SHA512_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    VerificationAlgorithm,
};
use rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject as _};

/// Cosign signs SHA-256 hashes with every key; newer versions take the hash that fits the curve.
static ALGORITHMS: [&dyn VerificationAlgorithm; 7] = [
    &ECDSA_P256_SHA256_ASN1,
    &ECDSA_P384_SHA256_ASN1,
    &ECDSA_P384_SHA384_ASN1,
    &ECDSA_P521_SHA256_ASN1,
    &ECDSA_P521_SHA512_ASN1,
    &RSA_PKCS1_2048_8192_SHA256,
    &ED25519,
];

/// A public key, and what an operator calls it.
#[derive(Clone)]
pub struct CosignKey {
    name: String,
    /// The same key for each hash.
    parsed: Vec<ParsedPublicKey>,
}

/// Why a file is no public key of cosign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CosignKeyError {
    #[error(
        "it is a private key; signatures are verified with the public one, which `cosign public-key --key FILE` prints"
    )]
    Private,
    #[error("it is a certificate; only signatures by keys can be verified offline")]
    Certificate,
    #[error("it is no public key in PEM, which begins with -----BEGIN PUBLIC KEY-----")]
    NoKey,
    #[error(
        "its algorithm is not known; ECDSA (P-256, P-384, P-521), RSA from 2048 bits and Ed25519 are"
    )]
    Algorithm,
}

impl CosignKey {
    /// The first public key in a PEM file.
    ///
    /// # Errors
    /// There is none, or its algorithm is unknown.
    pub fn parse(name: &str, pem: &[u8]) -> Result<Self, CosignKeyError> {
        let text = String::from_utf8_lossy(pem);
        let spki = match SubjectPublicKeyInfoDer::from_pem_slice(pem) {
            Ok(spki) => spki,
            Err(_) if text.contains("PRIVATE KEY-----") => return Err(CosignKeyError::Private),
            Err(_) if text.contains("BEGIN CERTIFICATE-----") => {
                return Err(CosignKeyError::Certificate);
            }
            Err(_) => return Err(CosignKeyError::NoKey),
        };
        let parse = |algorithm| ParsedPublicKey::new(algorithm, &spki).ok();
        let parsed: Vec<_> = ALGORITHMS.into_iter().filter_map(parse).collect();
        match parsed.is_empty() {
            true => Err(CosignKeyError::Algorithm),
            false => Ok(Self {
                name: name.into(),
                parsed,
            }),
        }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this key made the signature of `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let mut parsed = self.parsed.iter();
        parsed.any(|key| key.verify_sig(message, signature).is_ok())
    }
}

impl fmt::Debug for CosignKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        encoding::{AsDer as _, PublicKeyX509Der},
        rand::SystemRandom,
        rsa::KeySize,
        signature::{
            ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
            RsaKeyPair,
        },
    };
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use rcgen::{
        KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PublicKeyData as _,
        SigningKey as _,
    };

    use super::*;

    /// An RSA key in PEM, and its signature of a message.
    fn rsa(message: &[u8]) -> (String, Vec<u8>) {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: PublicKeyX509Der = key.public_key().as_der().unwrap();
        let encoded = STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{encoded}\n-----END PUBLIC KEY-----\n");
        let mut signature = vec![0; key.public_modulus_len()];
        let random = SystemRandom::new();
        key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
            .unwrap();
        (pem, signature)
    }

    #[test]
    fn a_key_of_each_algorithm_verifies_its_own_signatures_and_no_others() {
        let algorithms = [
            &PKCS_ECDSA_P256_SHA256,
            &PKCS_ECDSA_P384_SHA384,
            &PKCS_ED25519,
        ];
        let keys = algorithms.map(|algorithm| {
            let key = KeyPair::generate_for(algorithm).unwrap();
            (key.public_key_pem(), key.sign(b"message").unwrap())
        });
        let keys: Vec<_> = keys.into_iter().chain([rsa(b"message")]).collect();
        for (at, (pem, _)) in keys.iter().enumerate() {
            let public = CosignKey::parse("key", pem.as_bytes()).unwrap();
            for (of, (_, signature)) in keys.iter().enumerate() {
                assert_eq!(public.verifies(b"message", signature), at == of);
                assert!(!public.verifies(b"another", signature));
            }
            assert!(!public.verifies(b"message", b""));
        }
    }

    #[test]
    fn a_file_that_is_no_public_key_says_what_it_is() {
        let parse = |text: &str| CosignKey::parse("key", text.as_bytes()).unwrap_err();
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        assert_eq!(parse(&key.serialize_pem()), CosignKeyError::Private);
        let encrypted = "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\neyJ9\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n";
        assert_eq!(parse(encrypted), CosignKeyError::Private);
        let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        assert_eq!(parse(certificate), CosignKeyError::Certificate);
        assert_eq!(parse("nothing"), CosignKeyError::NoKey);
        let unknown = "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n";
        assert_eq!(parse(unknown), CosignKeyError::Algorithm);
    }

    #[test]
    fn a_bare_point_is_no_key_of_another_curve() {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref()).unwrap();
        let point = pair.public_key().as_ref();
        assert!(ParsedPublicKey::new(&ECDSA_P384_SHA384_ASN1, point).is_err());
        let rcgen = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let spki = rcgen.subject_public_key_info();
        assert!(ParsedPublicKey::new(&ECDSA_P384_SHA384_ASN1, spki).is_err());
    }
}

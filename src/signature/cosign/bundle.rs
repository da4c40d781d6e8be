//! A sigstore bundle (`application/vnd.dev.sigstore.bundle`, versions 0.1 to 0.3), which newer versions of cosign attach
//! as a referrer.
//!
//! Decides whether it counts for an image: a DSSE envelope with an in-toto statement of the type that `cosign sign`
//! writes, or a signature of the manifest itself. The log entries in it are not checked. Invariant: the signature is
//! verified before the statement is read.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::{CosignKey, CosignRefusal};
use crate::oci::Digest;

const STATEMENT: &str = "application/vnd.in-toto+json";
/// What `cosign sign` states. Other predicates say something about an image, good or bad.
const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    #[serde(default)]
    verification_material: Material,
    dsse_envelope: Option<Envelope>,
    message_signature: Option<MessageSignature>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    certificate: Option<serde_json::Value>,
    x509_certificate_chain: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    #[serde(default)]
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Deserialize)]
struct EnvelopeSignature {
    sig: String,
}

#[derive(Deserialize)]
struct MessageSignature {
    signature: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    predicate_type: String,
    subject: Vec<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

/// The key that signed what is in a bundle, if that is the image with this digest. `manifest` are the bytes of its
/// manifest.
///
/// # Errors
/// The bundle does not count.
pub fn verify_bundle<'k>(
    bundle: &[u8],
    image: &Digest,
    manifest: &[u8],
    keys: &'k [CosignKey],
) -> Result<&'k CosignKey, CosignRefusal> {
    let bundle: Bundle =
        serde_json::from_slice(bundle).map_err(|error| malformed(&error.to_string()))?;
    let material = &bundle.verification_material;
    let is_keyless = material.certificate.is_some() || material.x509_certificate_chain.is_some();
    let by = |message: &[u8], signature: &[u8]| {
        let mut candidates = keys.iter();
        let key = candidates.find(|key| key.verifies(message, signature));
        key.ok_or(match is_keyless {
            true => CosignRefusal::Keyless,
            false => CosignRefusal::OtherKey,
        })
    };
    match (&bundle.dsse_envelope, &bundle.message_signature) {
        (Some(envelope), None) => {
            let payload = decoded(&envelope.payload)?;
            let message = encoding(&envelope.payload_type, &payload);
            let mut refused = malformed("its envelope has no signature");
            for signature in &envelope.signatures {
                match by(&message, &decoded(&signature.sig)?) {
                    Ok(key) => return check_statement(envelope, &payload, image).map(|()| key),
                    Err(error) => refused = error,
                }
            }
            Err(refused)
        }
        (None, Some(message)) => {
            let key = by(manifest, &decoded(&message.signature)?)?;
            let mut hasher = image.hasher();
            hasher.update(manifest);
            match hasher.finish() {
                found if found == *image => Ok(key),
                found => Err(CosignRefusal::OtherImage(found)),
            }
        }
        (Some(_), Some(_)) | (None, None) => Err(malformed(
            "it has not exactly one of `dsseEnvelope` and `messageSignature`",
        )),
    }
}

fn check_statement(
    envelope: &Envelope,
    payload: &[u8],
    image: &Digest,
) -> Result<(), CosignRefusal> {
    if envelope.payload_type != STATEMENT {
        return Err(CosignRefusal::Attestation(envelope.payload_type.clone()));
    }
    let statement: Statement =
        serde_json::from_slice(payload).map_err(|error| malformed(&error.to_string()))?;
    if statement.predicate_type != SIGNED {
        return Err(CosignRefusal::Attestation(statement.predicate_type));
    }
    let is_of = |subject: &Subject| subject.digest.get(image.algorithm()) == Some(&image.hex());
    if statement.subject.iter().any(is_of) {
        return Ok(());
    }
    let first = statement.subject.first();
    let other = first.and_then(|subject| subject.digest.first_key_value());
    let other = other.and_then(|(algorithm, hex)| format!("{algorithm}:{hex}").parse().ok());
    Err(other.map_or_else(
        || malformed("its statement names no image"),
        CosignRefusal::OtherImage,
    ))
}

/// What a DSSE envelope signs: its "pre-authentication encoding".
fn encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let (kind, body) = (payload_type.len(), payload.len());
    let mut encoded = format!("DSSEv1 {kind} {payload_type} {body} ").into_bytes();
    encoded.extend_from_slice(payload);
    encoded
}

fn decoded(text: &str) -> Result<Vec<u8>, CosignRefusal> {
    let decoded = STANDARD.decode(text);
    decoded.map_err(|_| malformed("a part of it is not base64"))
}

fn malformed(what: &str) -> CosignRefusal {
    CosignRefusal::Malformed(what.into())
}

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, SigningKey as _};
    use serde_json::{Value, json};

    use super::*;

    const MANIFEST: &[u8] = b"{}";

    struct Signer(KeyPair);

    impl Signer {
        fn new() -> Self {
            Self(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap())
        }

        fn key(&self) -> CosignKey {
            CosignKey::parse("me", self.0.public_key_pem().as_bytes()).unwrap()
        }

        fn sign(&self, message: &[u8]) -> String {
            STANDARD.encode(self.0.sign(message).unwrap())
        }

        fn envelope(&self, statement: &Value) -> Value {
            let payload = statement.to_string();
            let signed = encoding(STATEMENT, payload.as_bytes());
            json!({
                "verificationMaterial": {"publicKey": {"hint": "x"}, "tlogEntries": []},
                "dsseEnvelope": {
                    "payload": STANDARD.encode(payload), "payloadType": STATEMENT,
                    "signatures": [{"sig": self.sign(&signed)}],
                },
            })
        }
    }

    fn statement(of: &Digest) -> Value {
        json!({
            "_type": "https://in-toto.io/Statement/v1", "predicateType": SIGNED,
            "subject": [{"digest": {"sha256": of.hex()}}], "predicate": {},
        })
    }

    fn verified(bundle: &Value, key: &CosignKey) -> Result<String, String> {
        let keys = [key.clone()];
        let image = Digest::of(MANIFEST);
        let verified = verify_bundle(bundle.to_string().as_bytes(), &image, MANIFEST, &keys);
        verified
            .map(|key| key.name().to_owned())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_signed_statement_about_the_image_counts() {
        let signer = Signer::new();
        let bundle = signer.envelope(&statement(&Digest::of(MANIFEST)));
        assert_eq!(verified(&bundle, &signer.key()), Ok("me".into()));
        let other = verified(&bundle, &Signer::new().key());
        assert_eq!(other, Err("no required key made it".into()));
    }

    #[test]
    fn a_signature_of_the_manifest_itself_counts() {
        let signer = Signer::new();
        let bundle = |message| json!({"messageSignature": {"signature": signer.sign(message)}});
        assert_eq!(verified(&bundle(MANIFEST), &signer.key()), Ok("me".into()));
        verified(&bundle(b"other"), &signer.key()).unwrap_err();
    }

    #[test]
    fn statements_about_another_image_or_of_another_kind_do_not_count() {
        let signer = Signer::new();
        let other = Digest::of(b"other");
        let refused = verified(&signer.envelope(&statement(&other)), &signer.key());
        assert_eq!(
            refused,
            Err(format!("it is valid, but of another image: {other}"))
        );
        let mut attestation = statement(&Digest::of(MANIFEST));
        attestation["predicateType"] = json!("https://slsa.dev/provenance/v1");
        let refused = verified(&signer.envelope(&attestation), &signer.key()).unwrap_err();
        assert!(refused.contains("slsa.dev"), "{refused}");
        let mut bundle = signer.envelope(&statement(&Digest::of(MANIFEST)));
        bundle["dsseEnvelope"]["payloadType"] = json!("text/plain");
        verified(&bundle, &signer.key()).unwrap_err();
    }

    #[test]
    fn a_certificate_instead_of_a_key_is_named() {
        let signer = Signer::new();
        let mut bundle = signer.envelope(&statement(&Digest::of(MANIFEST)));
        bundle["verificationMaterial"] = json!({"certificate": {"rawBytes": "MIIB"}});
        let refused = verified(&bundle, &Signer::new().key()).unwrap_err();
        assert!(refused.contains("keyless"), "{refused}");
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        let key = Signer::new().key();
        for bundle in [
            json!([]),
            json!({}),
            json!({"dsseEnvelope": {"payload": "e30=", "payloadType": STATEMENT}}),
            json!({"messageSignature": {"signature": "?"}}),
        ] {
            let refused = verified(&bundle, &key).unwrap_err();
            assert!(refused.starts_with("it cannot be read"), "{refused}");
        }
    }
}

//! Whether an image meets the requirements of a policy.
//!
//! Decides it from the signatures that were read. Invariant: all requirements have to hold; a signature counts only for
//! the digest of the image and an accepted reference.

use std::time::SystemTime;

use super::{identity::SignedIdentity, image::PolicyImage, requirement::Requirement};
use crate::{
    oci::Digest,
    signature::{
        CosignKey, Keyring, SimpleSignature, cosign_payload,
        payload::{Payload, PayloadKind},
    },
};

/// OpenPGP messages.
#[derive(Debug)]
pub struct SimpleEvidence {
    /// Where it is, for an operator.
    pub name: String,
    pub message: Vec<u8>,
}

/// A signature of cosign.
#[derive(Debug)]
pub struct CosignEvidence {
    pub name: String,
    pub signature: SimpleSignature,
    pub text: Vec<u8>,
}

/// The signatures of an image. `Err` says why there are none.
#[derive(Debug)]
pub struct Evidence {
    pub simple: Result<Vec<SimpleEvidence>, String>,
    pub cosign: Result<Vec<CosignEvidence>, String>,
}

/// Checks the signatures of an image with this digest.
///
/// # Errors
/// Why each requirement that is not met is not met.
pub fn check_requirements(
    requirements: &[Requirement],
    image: &PolicyImage,
    digest: &Digest,
    evidence: &Evidence,
    now: SystemTime,
) -> Result<(), Vec<String>> {
    let checked = requirements.iter().map(|requirement| match requirement {
        Requirement::AcceptAnything => Ok(()),
        Requirement::Reject => Err(vec!["it rejects every image".into()]),
        Requirement::SignedBy { keys, identity } => one_of(&evidence.simple, |found| {
            let payload = simple_payload(keys, &found.message, now);
            let checked = payload.and_then(|payload| check(&payload, identity, image, digest));
            checked.map_err(|reason| format!("{}: {reason}", found.name))
        }),
        Requirement::SigstoreSigned { keys, identity } => one_of(&evidence.cosign, |found| {
            let payload = payload_of_cosign(keys, found);
            let checked = payload.and_then(|payload| check(&payload, identity, image, digest));
            checked.map_err(|reason| format!("{}: {reason}", found.name))
        }),
    });
    let refused: Vec<String> = checked.filter_map(Result::err).flatten().collect();
    match refused.is_empty() && !requirements.is_empty() {
        true => Ok(()),
        false => Err(refused),
    }
}

/// Fails unless one signature counts, with the reason for each.
fn one_of<T>(
    found: &Result<Vec<T>, String>,
    check: impl Fn(&T) -> Result<(), String>,
) -> Result<(), Vec<String>> {
    let found = match found {
        Ok(found) if found.is_empty() => return Err(vec!["it has no signature".into()]),
        Ok(found) => found,
        Err(none) => return Err(vec![none.clone()]),
    };
    let mut refused = Vec::new();
    for signature in found {
        match check(signature) {
            Ok(()) => return Ok(()),
            Err(reason) => refused.push(reason),
        }
    }
    Err(refused)
}

fn simple_payload(keys: &Keyring, message: &[u8], now: SystemTime) -> Result<Payload, String> {
    let signed = keys.verify(message, now);
    let signed = signed.map_err(|error| error.to_string())?;
    Payload::parse(&signed.text, PayloadKind::Atomic).map_err(|error| error.to_string())
}

fn payload_of_cosign(keys: &[CosignKey], found: &CosignEvidence) -> Result<Payload, String> {
    let verified = cosign_payload(&found.signature, &found.text, keys);
    verified
        .map(|(_, payload)| payload)
        .map_err(|refused| refused.to_string())
}

fn check(
    payload: &Payload,
    identity: &SignedIdentity,
    image: &PolicyImage,
    digest: &Digest,
) -> Result<(), String> {
    if payload.digest != *digest {
        return Err(format!(
            "it is valid, but of another image: {}",
            payload.digest
        ));
    }
    identity.check(image.reference.as_ref(), &payload.reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_a_signature_is_refused_without_one_and_every_requirement_has_to_hold() {
        let image = PolicyImage::of(&"r.example/a:1".parse().unwrap(), None);
        let digest = Digest::of(b"x");
        let identity = SignedIdentity::Repository;
        let signed_by = || Requirement::SignedBy {
            keys: Keyring::default(),
            identity: identity.clone(),
        };
        let sigstore = || Requirement::SigstoreSigned {
            keys: Vec::new(),
            identity: identity.clone(),
        };
        let accept = || Requirement::AcceptAnything;
        for evidence in [
            Evidence {
                simple: Ok(Vec::new()),
                cosign: Ok(Vec::new()),
            },
            Evidence {
                simple: Err("there are none".into()),
                cosign: Err("there are none".into()),
            },
        ] {
            let check = |requirements: &[Requirement]| {
                let now = SystemTime::now();
                check_requirements(requirements, &image, &digest, &evidence, now)
            };
            assert_eq!(check(&[accept()]), Ok(()));
            for refused in [signed_by(), sigstore(), Requirement::Reject] {
                assert_eq!(check(&[accept(), refused]).unwrap_err().len(), 1);
            }
            assert_eq!(check(&[signed_by(), sigstore()]).unwrap_err().len(), 2);
            check(&[]).unwrap_err();
        }
    }
}

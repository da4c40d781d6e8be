//! One layer of a manifest under a tag such as `sha256-HEX.sig` (sigstore/cosign `specs/SIGNATURE_SPEC.md`): the layer
//! is the signed text, and its annotations have the signature.
//!
//! Decides whether it counts for an image. The reference in the text is compared only by a policy: cosign does not
//! compare it, and an image keeps its signature when it is copied. Invariant: the signature is verified before the text is read.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{CosignKey, CosignRefusal};
use crate::{
    oci::{Descriptor, Digest},
    signature::payload::{Payload, PayloadKind},
};

/// The media type of a signed text.
const MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";

/// The signature of a text that is not read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimpleSignature {
    signature: Option<String>,
    has_certificate: bool,
}

impl SimpleSignature {
    /// The signature that a layer has, if the layer is a signed text.
    #[must_use]
    pub fn of(layer: &Descriptor) -> Option<Self> {
        (layer.media_type.as_str() == MEDIA_TYPE).then(|| Self {
            signature: layer.annotations.get(SIGNATURE).cloned(),
            has_certificate: layer.annotations.contains_key(CERTIFICATE),
        })
    }
}

/// The key that signed `text`, if that says that the image has this digest.
///
/// # Errors
/// The signature does not count.
pub fn verify_simple<'k>(
    signature: &SimpleSignature,
    text: &[u8],
    image: &Digest,
    keys: &'k [CosignKey],
) -> Result<&'k CosignKey, CosignRefusal> {
    let (key, payload) = cosign_payload(signature, text, keys)?;
    match payload.digest == *image {
        true => Ok(key),
        false => Err(CosignRefusal::OtherImage(payload.digest)),
    }
}

/// The key that signed `text`, and what that says.
///
/// # Errors
/// None of the keys signed it, or it is no statement about an image.
pub fn cosign_payload<'k>(
    signature: &SimpleSignature,
    text: &[u8],
    keys: &'k [CosignKey],
) -> Result<(&'k CosignKey, Payload), CosignRefusal> {
    let malformed = |what: &str| CosignRefusal::Malformed(what.into());
    let encoded = signature.signature.as_deref();
    let encoded = encoded.ok_or_else(|| malformed("its layer has no annotation with it"))?;
    let decoded = STANDARD.decode(encoded.trim());
    let decoded = decoded.map_err(|_| malformed("it is not base64"))?;
    let mut candidates = keys.iter();
    let Some(key) = candidates.find(|key| key.verifies(text, &decoded)) else {
        return Err(match signature.has_certificate {
            true => CosignRefusal::Keyless,
            false => CosignRefusal::OtherKey,
        });
    };
    Ok((key, Payload::parse(text, PayloadKind::Cosign)?))
}

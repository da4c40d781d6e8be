//! Whether an image has the signatures that the list and the policy ask for.
//!
//! Decides what is signed: the digest that the source reference names. Of an index that is the index, also when only some
//! platforms are copied: it names their manifests by digest. Invariant: no blob is copied, and no image counts as up to
//! date, before one of its keys is known to have signed it.

use super::{
    CopyError, image_context::ImageContext, policy_check::check_policy,
    signature_search::SignatureSearch,
};
use crate::{oci::Digest, signature::CosignKey};

/// Fails unless the policy accepts the image, and one of the keys that it needs signed `digest`, which the source has under its reference.
pub(super) async fn check_signature(
    image: &ImageContext<'_>,
    digest: &Digest,
) -> Result<(), CopyError> {
    // What is converted on the way was signed as the store has it.
    let original = image.source.image.original(digest);
    let digest = original.as_ref().unwrap_or(digest);
    check_policy(image, digest).await?;
    let required = &image.job.spec.require_signature;
    if required.is_empty() {
        return Ok(());
    }
    let known = required
        .paths()
        .filter_map(|path| image.signature_keys.get(path));
    let keys: Vec<CosignKey> = known.cloned().collect();
    let mut search = SignatureSearch::new(image, digest, &keys);
    match search.run().await? {
        Some(key) => {
            image.note(format!("{digest} is signed by {}", key.name()));
            Ok(())
        }
        None => Err(CopyError::Unsigned {
            digest: digest.clone(),
            keys: names(required.paths().map(|path| path.display().to_string())),
            refused: search.refused,
        }),
    }
}

fn names(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    names.join(" or ")
}

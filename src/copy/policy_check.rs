//! Whether the signature policy of the batch accepts an image.
//!
//! Decides what is asked: signatures are read only if a requirement needs them. As for `require-signature`, they are
//! those of the digest that the source reference names. Invariant: without a policy, and for an image that needs no
//! signature, nothing is asked.

use std::{path::PathBuf, time::SystemTime};

use super::{
    CopyError,
    image_context::ImageContext,
    stored_signatures::{cosign_signatures, simple_signatures},
};
use crate::{
    oci::{Digest, Location},
    signature::{Evidence, PolicyImage, Requirement, check_requirements},
};

/// Fails if there is a policy that refuses the image whose original manifest has this digest.
pub(super) async fn check_policy(
    image: &ImageContext<'_>,
    digest: &Digest,
) -> Result<(), CopyError> {
    let Some(rules) = image.policy else {
        return Ok(());
    };
    let location = image.source_location();
    let path = resolved_path(location).await;
    let named = PolicyImage::of(location, path.as_deref());
    let rule = rules.policy.rule(&named);
    let simple = |requirement: &Requirement| matches!(requirement, Requirement::SignedBy { .. });
    let cosign =
        |requirement: &Requirement| matches!(requirement, Requirement::SigstoreSigned { .. });
    let needs_simple = rule.requirements.iter().any(simple);
    let needs_cosign = rule.requirements.iter().any(cosign);
    let evidence = Evidence {
        simple: match needs_simple {
            true => {
                let path = path.as_deref();
                simple_signatures(&rules.lookaside, location, &named, digest, path).await?
            }
            false => Ok(Vec::new()),
        },
        cosign: match needs_cosign {
            true => cosign_signatures(image, &rules.lookaside, &named, digest).await?,
            false => Ok(Vec::new()),
        },
    };
    let now = SystemTime::now();
    match check_requirements(rule.requirements, &named, digest, &evidence, now) {
        Ok(()) if needs_simple || needs_cosign => {
            image.note(format!("the policy accepts {digest}: {}", rule.entry));
            Ok(())
        }
        Ok(()) => Ok(()),
        Err(reasons) => Err(CopyError::RefusedByPolicy {
            digest: digest.clone(),
            entry: rule.entry,
            reasons,
        }),
    }
}

/// The path of a store of this machine, without symbolic links.
async fn resolved_path(location: &Location) -> Option<PathBuf> {
    let image = location.local()?;
    let store = image.store.path()?;
    let path = match (image.store.transport, &image.name) {
        (crate::oci::Transport::Dir, Some(name)) => store.join(name.to_string()),
        _ => store.to_owned(),
    };
    tokio::fs::canonicalize(path).await.ok()
}

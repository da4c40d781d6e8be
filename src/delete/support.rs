//! What a repository can delete: tags alone, only manifests, or nothing.
//!
//! The distribution specification lets a registry choose, and nothing says what it chose. Decides from the answer to a
//! DELETE of what does not exist. Invariant: a question deletes nothing: its tag and its digest are random.

use super::Error;
use crate::{
    oci::{Digest, Registry, Repository, Tag, Version},
    registry::{self, Client, FailureClass},
    transport::Stores,
};

/// What a registry does with a DELETE of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagDeletion {
    /// It deletes the tag alone.
    Supported,
    /// It refuses, as docker-registry 2 does: manifests are deleted by digest.
    Refused,
}

/// Asks whether a repository deletes tags and keeps their manifests.
///
/// # Errors
/// If the registry does not answer, or denies deletions.
pub async fn deletes_tags_alone(
    stores: &Stores,
    registry: &Registry,
    repository: &Repository,
) -> Result<bool, Error> {
    let client = stores.clients().get(registry)?;
    let deletion = tag_deletion(&client, repository).await;
    let deletion = deletion.map_err(|error| explain(error, registry))?;
    Ok(deletion == TagDeletion::Supported)
}

/// Asks whether tags are deleted alone.
pub(super) async fn tag_deletion(
    client: &Client,
    repository: &Repository,
) -> Result<TagDeletion, registry::Error> {
    let Ok(absent) = format!("transship-{:032x}", rand::random::<u128>()).parse::<Tag>() else {
        return Ok(TagDeletion::Refused);
    };
    let absent = Version::Tag(absent);
    let Err(error) = client.delete_manifest(repository, &absent).await else {
        return Ok(TagDeletion::Supported);
    };
    match error.class() {
        FailureClass::NotFound => Ok(TagDeletion::Supported),
        FailureClass::Rejected if matches!(error.status(), Some(400 | 405 | 501)) => {
            Ok(TagDeletion::Refused)
        }
        // After another refusal, such as 403, nothing is known about tags.
        FailureClass::Rejected
        | FailureClass::Transient { .. }
        | FailureClass::Auth
        | FailureClass::Corrupt
        | FailureClass::Internal => Err(error),
    }
}

/// Asks whether manifests are deleted at all. 400 may be about the digest that does not exist.
pub(super) async fn check_manifest_deletion(
    client: &Client,
    registry: &Registry,
    repository: &Repository,
) -> Result<(), Error> {
    let absent = Version::Digest(Digest::of(&rand::random::<[u8; 32]>()));
    let Err(error) = client.delete_manifest(repository, &absent).await else {
        return Ok(());
    };
    match error.class() {
        FailureClass::NotFound => Ok(()),
        FailureClass::Rejected if error.status() == Some(400) => Ok(()),
        FailureClass::Rejected
        | FailureClass::Transient { .. }
        | FailureClass::Auth
        | FailureClass::Corrupt
        | FailureClass::Internal => Err(explain(error, registry)),
    }
}

/// The error of a DELETE by digest.
pub(super) fn explain(error: registry::Error, registry: &Registry) -> Error {
    match is_switched_off(&error) {
        true => Error::SwitchedOff(registry.clone()),
        false => Error::Registry(error),
    }
}

/// Whether the registry has no DELETE (distribution-spec "Deleting Manifests").
fn is_switched_off(error: &registry::Error) -> bool {
    matches!(error.status(), Some(405 | 501))
}

//! Selects the platforms of an image that are copied.
//!
//! Decides what the destination reference names then: the whole image, one child, or an index of several. Invariant:
//! an index that is made here differs from the source's only in its entries.

use std::collections::HashSet;

use bytes::Bytes;
use serde_json::Value;

use super::{CopyError, error::blame};
use crate::{
    batch::Side,
    oci::{Descriptor, Digest, Manifest, ManifestContent, ManifestError, Platform, Store},
    transport::Error,
};

/// BuildKit's annotation of an attestation in an index: the manifest that it is about.
const ATTESTED_DIGEST: &str = "vnd.docker.reference.digest";

#[derive(Debug)]
pub(super) enum Selection {
    /// The source's manifest.
    Whole,
    /// One child, which takes the index's place under the tag.
    Child(Digest),
    /// A new index of several children.
    Index(Box<Manifest>),
}

pub(super) fn select(
    store: &Store,
    root: &Manifest,
    platforms: &[Platform],
) -> Result<Selection, CopyError> {
    let children = match &root.content {
        ManifestContent::Index(children) if !platforms.is_empty() => children,
        ManifestContent::Index(_) | ManifestContent::Image { .. } => return Ok(Selection::Whole),
    };
    let selected: Vec<&Descriptor> = children
        .iter()
        .filter(|child| {
            child
                .platform
                .as_ref()
                .is_some_and(|own| platforms.iter().any(|platform| platform.selects(own)))
        })
        .collect();
    match selected[..] {
        [] => Err(CopyError::NoPlatform {
            available: children
                .iter()
                .filter_map(|child| child.platform.as_ref().map(Platform::to_string))
                .collect(),
        }),
        _ if selected.len() == children.len() => Ok(Selection::Whole),
        [child] => Ok(Selection::Child(child.digest.clone())),
        _ => {
            let mut kept: HashSet<Digest> =
                selected.iter().map(|child| child.digest.clone()).collect();
            let attests = |child: &&Descriptor| {
                let subject = child
                    .annotations
                    .get(ATTESTED_DIGEST)
                    .and_then(|subject| subject.parse().ok());
                subject.is_some_and(|subject: Digest| kept.contains(&subject))
            };
            let attesting: Vec<Digest> = children
                .iter()
                .filter(attests)
                .map(|child| child.digest.clone())
                .collect();
            kept.extend(attesting);
            rewrite(root, &kept)
                .map(|manifest| Selection::Index(Box::new(manifest)))
                .map_err(|error| blame(Side::Source)(Error::unreadable(store, error)))
        }
    }
}

/// The index with only the `kept` entries.
fn rewrite(root: &Manifest, kept: &HashSet<Digest>) -> Result<Manifest, ManifestError> {
    let mut index: Value = serde_json::from_slice(&root.raw)?;
    if let Some(Value::Array(manifests)) = index.get_mut("manifests") {
        manifests.retain(|child| {
            let digest = child
                .get("digest")
                .and_then(Value::as_str)
                .and_then(|text| text.parse().ok());
            digest.is_some_and(|digest: Digest| kept.contains(&digest))
        });
    }
    Manifest::parse(
        Bytes::from(serde_json::to_vec(&index)?),
        Some(root.media_type.as_str()),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oci::MediaType;

    fn index(platforms: &[&str]) -> Manifest {
        let manifests: Vec<Value> = platforms
            .iter()
            .map(|platform| {
                let platform: Platform = platform.parse().unwrap();
                json!({"mediaType": MediaType::OCI_MANIFEST, "size": 5, "platform": platform,
                       "digest": Digest::of(platform.to_string().as_bytes())})
            })
            .collect();
        let index =
            json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": manifests});
        Manifest::parse(index.to_string().into(), None).unwrap()
    }

    fn select_of(root: &Manifest, platforms: &[&str]) -> Result<Selection, CopyError> {
        let platforms: Vec<Platform> = platforms.iter().map(|text| text.parse().unwrap()).collect();
        select(&"localhost:1".parse().unwrap(), root, &platforms)
    }

    #[test]
    fn one_platform_takes_the_place_of_the_index() {
        let root = index(&["linux/amd64", "linux/arm64"]);
        let Selection::Child(child) = select_of(&root, &["linux/arm64"]).unwrap() else {
            panic!("one child is selected");
        };
        assert_eq!(child, Digest::of(b"linux/arm64"));
    }

    #[test]
    fn several_platforms_make_an_index_of_those() {
        let root = index(&["linux/amd64", "linux/arm64", "linux/s390x"]);
        let Selection::Index(index) = select_of(&root, &["linux/amd64", "linux/s390x"]).unwrap()
        else {
            panic!("two children are selected");
        };
        assert_eq!(index.children().len(), 2);
        assert_ne!(index.digest, root.digest);
    }

    #[test]
    fn an_index_of_nothing_else_stays_as_it_is() {
        let root = index(&["linux/amd64", "linux/arm64"]);
        assert!(matches!(
            select_of(&root, &["linux/amd64", "linux/arm64"]),
            Ok(Selection::Whole)
        ));
        assert!(matches!(select_of(&root, &[]), Ok(Selection::Whole)));
    }

    #[test]
    fn a_missing_platform_says_which_there_are() {
        let error = select_of(&index(&["linux/amd64"]), &["linux/riscv64"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "has none of the selected platforms; it has linux/amd64"
        );
    }
}

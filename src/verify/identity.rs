//! Compares two images of which at least one is in a store that keeps no manifests.
//!
//! Decides that such images are the same if their configs are: a config names its layers by their diff ids, which do not
//! depend on compression. Invariant: an index is compared by the platform of the other side.

use bytes::Bytes;
use serde::Deserialize;

use super::{
    difference::{Difference, Findings, Note, VerifyError},
    side::ComparedSide,
};
use crate::{
    oci::{Descriptor, Digest, Manifest, ManifestContent, Platform},
    transport::{Error, Selector},
};

/// The largest configs in the wild have some 100 KiB.
const MAX_CONFIG_BYTES: usize = 4 << 20;

/// The image of one platform.
struct Identity {
    config: Descriptor,
    content: ConfigContent,
}

/// What a config says of its layers and its platform.
#[derive(Debug, Default, Deserialize)]
struct ConfigContent {
    #[serde(flatten)]
    platform: Option<Platform>,
    #[serde(default)]
    rootfs: RootFilesystem,
}

#[derive(Debug, Default, Deserialize)]
struct RootFilesystem {
    #[serde(default)]
    diff_ids: Vec<String>,
}

pub(super) async fn compare_identity(
    source: &ComparedSide<'_>,
    destination: &ComparedSide<'_>,
    platforms: &[Platform],
) -> Result<Findings, VerifyError> {
    let only = |difference| Findings {
        differences: vec![difference],
        ..Findings::default()
    };
    // The side without manifests has one platform.
    let (made, other) = match destination.keeps_manifests() {
        true => (source, destination),
        false => (destination, source),
    };
    let Some(one) = identity(made, made.manifest(Selector::Image).await?).await? else {
        return Ok(only(not_an_image(made)));
    };
    let root = other.manifest(Selector::Image).await?;
    let own = one.content.platform.as_ref().filter(|own| {
        platforms.is_empty() || platforms.iter().any(|platform| platform.selects(own))
    });
    let is_index = root.media_type.is_index();
    let manifest = match own.and_then(|own| child_of(&root, own)) {
        Some(child) => other.manifest(Selector::Digest(&child)).await?,
        None if is_index => return Ok(only(Difference::Platforms)),
        None => root,
    };
    let Some(two) = identity(other, manifest).await? else {
        return Ok(only(not_an_image(other)));
    };
    let mut findings = Findings {
        differences: Vec::new(),
        notes: vec![Note::ByConfig {
            store: made.image.store().clone(),
            platform: own.filter(|_| is_index).cloned(),
        }],
    };
    let (expected, got) = match destination.keeps_manifests() {
        true => (one, two),
        false => (two, one),
    };
    if expected.config.digest != got.config.digest {
        findings.differences.push(Difference::Config {
            expected: expected.config.digest,
            got: got.config.digest,
        });
        if expected.content.rootfs.diff_ids != got.content.rootfs.diff_ids {
            findings.differences.push(Difference::Layers);
        }
    }
    Ok(findings)
}

/// The image of an index that has the platform of a config.
fn child_of(index: &Manifest, platform: &Platform) -> Option<Digest> {
    let any_variant = Platform {
        variant: None,
        os_version: None,
        ..platform.clone()
    };
    let find = |wanted: &Platform| {
        let mut children = index.children().iter();
        children.find(|child| (child.platform.as_ref()).is_some_and(|own| wanted.selects(own)))
    };
    let child = find(platform).or_else(|| find(&any_variant))?;
    Some(child.digest.clone())
}

/// `None` for what has no config, such as an index or an artifact.
async fn identity(
    side: &ComparedSide<'_>,
    manifest: Manifest,
) -> Result<Option<Identity>, VerifyError> {
    let ManifestContent::Image {
        config: Some(config),
        ..
    } = manifest.content
    else {
        return Ok(None);
    };
    let raw = read_config(side, &config.digest).await?;
    Ok(Some(Identity {
        config: *config,
        // A config that cannot be read has a digest all the same.
        content: serde_json::from_slice(&raw).unwrap_or_default(),
    }))
}

async fn read_config(side: &ComparedSide<'_>, digest: &Digest) -> Result<Bytes, VerifyError> {
    let corrupt = |problem: String| {
        side.blame(Error::Corrupt {
            digest: digest.clone(),
            problem,
        })
    };
    let mut blob = (side.image.read_blob(digest, 0).await).map_err(|error| side.blame(error))?;
    let mut raw = Vec::new();
    while let Some(chunk) = (blob.next().await).map_err(|error| side.blame(error))? {
        if raw.len() + chunk.len() > MAX_CONFIG_BYTES {
            return Err(corrupt(format!("they are more than {MAX_CONFIG_BYTES}")));
        }
        let charged = side.budget.add_config_bytes(chunk.len() as u64);
        charged.map_err(|over| side.blame(Error::over_budget(side.image.store(), over)))?;
        raw.extend_from_slice(&chunk);
    }
    let mut hasher = digest.hasher();
    hasher.update(&raw);
    match hasher.finish() {
        got if got == *digest => Ok(raw.into()),
        got => Err(corrupt(format!("they are {got}"))),
    }
}

fn not_an_image(side: &ComparedSide<'_>) -> Difference {
    Difference::Unknown {
        what: "the image".into(),
        why: format!("{} has no image config to compare", side.image.store()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oci::MediaType;

    #[test]
    fn the_platform_of_a_config_selects_its_child_even_if_the_config_has_no_variant() {
        let child = |architecture: &str, variant: Option<&str>| {
            json!({
                "mediaType": MediaType::OCI_MANIFEST, "size": 2,
                "digest": Digest::of(format!("{architecture}{variant:?}").as_bytes()),
                "platform": {"os": "linux", "architecture": architecture, "variant": variant}
            })
        };
        let index = json!({
            "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX,
            "manifests": [child("amd64", None), child("arm", Some("v6")), child("arm", Some("v7"))]
        });
        let index = Manifest::parse(index.to_string().into(), None).unwrap();
        let selected = |config: &str| {
            let config: ConfigContent = serde_json::from_str(config).unwrap();
            let child = child_of(&index, &config.platform?)?;
            index
                .children()
                .iter()
                .position(|other| other.digest == child)
        };
        let variant = r#"{"os": "linux", "architecture": "arm", "variant": "v7", "rootfs": {}}"#;
        assert_eq!(selected(variant), Some(2));
        assert_eq!(
            selected(r#"{"os": "linux", "architecture": "arm"}"#),
            Some(1)
        );
        assert_eq!(
            selected(r#"{"os": "linux", "architecture": "s390x"}"#),
            None
        );
        assert_eq!(selected("{}"), None);
    }
}

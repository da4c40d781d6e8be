//! What is known of an image before skopeo copies it: its manifests, its blobs, what the destination has.
//!
//! Decides whether two manifests are one image. Reads nothing. Invariant: each blob is in a plan once.

use std::collections::HashMap;

use crate::{
    batch::{BlobKind, PlannedBlob, PlannedManifest},
    oci::{Descriptor, Digest, Location, Manifest, ManifestContent, Platform, Transport},
};

/// The manifests of an image, parents first, and its blobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SkopeoPlan {
    pub manifests: Vec<PlannedManifest>,
    pub blobs: Vec<PlannedBlob>,
}

impl SkopeoPlan {
    /// `children` are those manifests of `root` that are known.
    pub(super) fn new(root: &Manifest, children: &[Manifest]) -> Self {
        let mut plan = Self::default();
        let mut positions = HashMap::new();
        plan.add(root, None, None, &mut positions);
        for child in children {
            let described = root.children().iter();
            let mut described = described.filter(|other| other.digest == child.digest);
            let platform = described.next().and_then(|found| found.platform.clone());
            plan.add(child, Some(0), platform, &mut positions);
        }
        plan
    }

    fn add(
        &mut self,
        manifest: &Manifest,
        parent: Option<u32>,
        platform: Option<Platform>,
        positions: &mut HashMap<Digest, u32>,
    ) {
        let config = config(manifest);
        let mut blobs = Vec::new();
        for blob in manifest.blobs().filter(|blob| !is_elsewhere(blob)) {
            let next = u32::try_from(self.blobs.len()).unwrap_or(u32::MAX);
            let at = *positions.entry(blob.digest.clone()).or_insert(next);
            if at == next {
                self.blobs.push(PlannedBlob {
                    digest: blob.digest.clone(),
                    size: blob.size,
                    kind: match config == Some(&blob.digest) {
                        true => BlobKind::Config,
                        false => BlobKind::Layer,
                    },
                    media_type: Some(blob.media_type.clone()),
                });
            }
            blobs.push(at);
        }
        self.manifests.push(PlannedManifest {
            digest: manifest.digest.clone(),
            media_type: manifest.media_type.clone(),
            size: manifest.raw.len() as u64,
            platform,
            parent,
            blobs,
        });
    }
}

/// Layers that registries do not store.
fn is_elsewhere(blob: &Descriptor) -> bool {
    blob.media_type.is_foreign_layer() && !blob.urls.is_empty()
}

fn config(manifest: &Manifest) -> Option<&Digest> {
    match &manifest.content {
        ManifestContent::Image { config, .. } => config.as_ref().map(|config| &config.digest),
        ManifestContent::Index(_) => None,
    }
}

/// Whether the destination has the image. A store that makes a manifest of its own for every image it gets or gives keeps
/// the config, which names the content of all layers.
pub(super) fn is_same_image(
    (source, wanted): (&Location, &Manifest),
    (destination, existing): (&Location, &Manifest),
) -> bool {
    if wanted.digest == existing.digest {
        return true;
    }
    (makes_manifests(source) || makes_manifests(destination))
        && config(wanted).is_some()
        && config(wanted) == config(existing)
}

/// The platform that skopeo copies; `None` for all of them.
pub(super) fn platform(selected: &[Platform], destination: &Location) -> Option<Platform> {
    match selected.first() {
        Some(platform) => Some(platform.clone()),
        None => makes_manifests(destination).then(Platform::of_this_machine),
    }
}

/// Whether a store has one platform of an image, under a manifest that it makes.
fn makes_manifests(location: &Location) -> bool {
    let transport = location.local().map(|image| image.store.transport);
    match transport {
        Some(Transport::DockerArchive | Transport::DockerDaemon | Transport::ContainersStorage) => {
            true
        }
        Some(Transport::Oci | Transport::OciArchive | Transport::Dir) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::oci::MediaType;

    fn descriptor(media_type: &str, name: &str) -> Value {
        json!({"mediaType": media_type, "digest": Digest::of(name.as_bytes()), "size": name.len()})
    }

    fn image(config: &str, layers: &[&str]) -> Manifest {
        let layers = layers.iter();
        let layers: Vec<Value> = layers
            .map(|layer| descriptor(MediaType::OCI_LAYER_GZIP, layer))
            .collect();
        let config = descriptor(MediaType::OCI_CONFIG, config);
        let manifest = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
                              "config": config, "layers": layers});
        Manifest::parse(manifest.to_string().into(), None).unwrap()
    }

    fn location(text: &str) -> Location {
        text.parse().unwrap()
    }

    #[test]
    fn the_images_of_an_index_share_their_blobs() {
        let children = [image("c1", &["base", "x"]), image("c2", &["base", "yy"])];
        let entries: Vec<Value> = (children.iter().zip(["amd64", "arm64"]))
            .map(|(child, architecture)| {
                json!({"mediaType": child.media_type, "digest": child.digest, "size": child.raw.len(),
                       "platform": {"os": "linux", "architecture": architecture}})
            })
            .collect();
        let index =
            json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": entries});
        let index = Manifest::parse(index.to_string().into(), None).unwrap();
        let plan = SkopeoPlan::new(&index, &children);
        let sizes: Vec<u64> = plan.blobs.iter().map(|blob| blob.size).collect();
        assert_eq!(sizes, [2, 4, 1, 2, 2]);
        let kinds = plan
            .blobs
            .iter()
            .filter(|blob| blob.kind == BlobKind::Config);
        assert_eq!(kinds.count(), 2);
        let blobs: Vec<_> = plan
            .manifests
            .iter()
            .map(|manifest| &manifest.blobs[..])
            .collect();
        assert_eq!(blobs, [&[][..], &[0, 1, 2], &[3, 1, 4]]);
        let second = &plan.manifests[2];
        assert_eq!(second.parent, Some(0));
        assert_eq!(second.platform.as_ref().unwrap().to_string(), "linux/arm64");
    }

    #[test]
    fn a_layer_that_is_stored_elsewhere_is_not_copied() {
        let mut layer = descriptor(
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "x",
        );
        layer["urls"] = json!(["https://a.example/x"]);
        let manifest = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
                              "config": descriptor(MediaType::OCI_CONFIG, "c"), "layers": [layer]});
        let manifest = Manifest::parse(manifest.to_string().into(), None).unwrap();
        assert_eq!(SkopeoPlan::new(&manifest, &[]).blobs.len(), 1);
    }

    #[test]
    fn an_image_of_a_store_that_makes_manifests_is_known_by_its_config() {
        let (plain, compressed) = (image("config", &["tar"]), image("config", &["tar.gz"]));
        let other = image("other", &["tar"]);
        let registry = location("a.example/x:1");
        for made in ["docker-archive:/x.tar", "containers-storage:x:1"] {
            let made = location(made);
            assert!(is_same_image((&made, &plain), (&registry, &compressed)));
            assert!(is_same_image((&registry, &compressed), (&made, &plain)));
            assert!(!is_same_image((&made, &plain), (&registry, &other)));
        }
        let layout = location("oci:/e:x");
        assert!(!is_same_image((&layout, &plain), (&registry, &compressed)));
        assert!(is_same_image((&layout, &plain), (&registry, &plain)));
    }

    #[test]
    fn a_store_of_one_platform_gets_that_of_this_machine_unless_another_is_selected() {
        let arm: Platform = "linux/arm64".parse().unwrap();
        let archive = location("docker-archive:/x.tar:x:1");
        assert_eq!(platform(&[], &archive), Some(Platform::of_this_machine()));
        assert_eq!(platform(std::slice::from_ref(&arm), &archive), Some(arm));
        assert_eq!(platform(&[], &location("a.example/x:1")), None);
        assert_eq!(platform(&[], &location("oci:/e:x")), None);
    }
}

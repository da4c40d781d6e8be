//! Cosign's signature and attestation manifests: images whose layers are signed payloads
//! (sigstore/cosign `specs/SIGNATURE_SPEC.md`).
//!
//! Decides which manifests are such, and merges two of them as cosign's `mutate.AppendSignatures` and containers/image do.
//! A signature is a layer with its annotations; several signatures of one payload differ only in annotations. Invariant:
//! merging keeps every layer and field of the manifest that signatures are added to.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{Descriptor, Digest, Manifest, ManifestContent, MediaType};

const PAYLOADS: [&str; 2] = [
    "application/vnd.dev.cosign.simplesigning.v1+json",
    "application/vnd.dsse.envelope.v1+json",
];

/// A manifest with only signatures or attestations.
pub struct Signatures<'a> {
    manifest: &'a Manifest,
    config: &'a Descriptor,
    layers: &'a [Descriptor],
}

/// A manifest with the signatures of two. Its `config` has to be stored first.
#[derive(Debug)]
pub struct MergedSignatures {
    pub manifest: Manifest,
    pub config: Bytes,
    pub config_digest: Digest,
}

impl<'a> Signatures<'a> {
    /// `manifest` if signatures can be added to it.
    #[must_use]
    pub fn of(manifest: &'a Manifest) -> Option<Self> {
        let ManifestContent::Image {
            config: Some(config),
            layers,
            ..
        } = &manifest.content
        else {
            return None;
        };
        let is_image_config = matches!(
            config.media_type.as_str(),
            MediaType::OCI_CONFIG | MediaType::DOCKER_CONFIG
        );
        let are_payloads = !layers.is_empty()
            && layers
                .iter()
                .all(|layer| PAYLOADS.contains(&layer.media_type.as_str()));
        (is_image_config && are_payloads).then_some(Self {
            manifest,
            config,
            layers,
        })
    }

    #[must_use]
    pub fn config(&self) -> &Descriptor {
        self.config
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.layers.len()
    }

    /// How many signatures of `other` are missing here.
    #[must_use]
    pub fn lacking(&self, other: &Signatures) -> usize {
        self.missing(other).len()
    }

    /// Positions of the layers of `other` that are missing here.
    fn missing(&self, other: &Signatures) -> Vec<usize> {
        let mut missing: Vec<usize> = Vec::new();
        for (at, layer) in other.layers.iter().enumerate() {
            let is_same = |own: &Descriptor| {
                own.digest == layer.digest
                    && own.media_type == layer.media_type
                    && own.annotations == layer.annotations
            };
            let is_known = self.layers.iter().any(is_same)
                || missing.iter().any(|&known| is_same(&other.layers[known]));
            if !is_known {
                missing.push(at);
            }
        }
        missing
    }

    /// These signatures, followed by those of `other` that are missing here. `config` is the content of
    /// [`config`](Self::config); if it is no JSON object, a new one is created.
    ///
    /// `None` if a manifest does not have the expected fields.
    #[must_use]
    pub fn merge(&self, config: &[u8], other: &Signatures) -> Option<MergedSignatures> {
        let added = self.missing(other);
        let config = self.extended_config(config, other, &added);
        let config_digest = Digest::of(&config);
        let source: Value = serde_json::from_slice(&other.manifest.raw).ok()?;
        let mut merged: Value = serde_json::from_slice(&self.manifest.raw).ok()?;
        let layers = merged.get_mut("layers")?.as_array_mut()?;
        for at in added {
            layers.push(source.get("layers")?.get(at)?.clone());
        }
        let descriptor = merged.get_mut("config")?.as_object_mut()?;
        descriptor.insert("digest".into(), json!(config_digest));
        descriptor.insert("size".into(), json!(config.len()));
        // The inlined content is that of the old config.
        descriptor.remove("data");
        let raw = serde_json::to_vec(&merged).ok()?;
        let media_type = self.manifest.media_type.as_str();
        Some(MergedSignatures {
            manifest: Manifest::parse(raw.into(), Some(media_type)).ok()?,
            config: config.into(),
            config_digest,
        })
    }

    /// An image config lists every layer in `rootfs.diff_ids` and in `history`. Payloads are not compressed, so a diff id
    /// is the layer's digest.
    fn extended_config(&self, config: &[u8], other: &Signatures, added: &[usize]) -> Vec<u8> {
        let mut config: Map<String, Value> = serde_json::from_slice(config).unwrap_or_default();
        for key in ["architecture", "os"] {
            config.entry(key).or_insert_with(|| json!(""));
        }
        config.entry("config").or_insert_with(|| json!({}));
        let diff_ids = config
            .get("rootfs")
            .and_then(|rootfs| rootfs.get("diff_ids"))
            .and_then(Value::as_array)
            .filter(|ids| ids.len() == self.layers.len());
        let mut diff_ids = diff_ids.cloned().unwrap_or_else(|| {
            let digests = self.layers.iter().map(|layer| json!(layer.digest));
            digests.collect()
        });
        let mut history = match config.get("history") {
            Some(Value::Array(history)) => history.clone(),
            _ => self.layers.iter().map(|_| undated()).collect(),
        };
        for &at in added {
            diff_ids.push(json!(other.layers[at].digest));
            history.push(undated());
        }
        let rootfs = json!({"type": "layers", "diff_ids": diff_ids});
        config.insert("rootfs".into(), rootfs);
        config.insert("history".into(), Value::Array(history));
        Value::Object(config).to_string().into_bytes()
    }
}

/// The history entry that cosign writes for a layer.
fn undated() -> Value {
    json!({"created": "0001-01-01T00:00:00Z"})
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A manifest of these signatures, each a payload and its signature.
    fn signed(signatures: &[(&str, &str)]) -> Manifest {
        let layers: Vec<Value> = signatures
            .iter()
            .map(|(payload, signature)| {
                json!({"mediaType": PAYLOADS[0], "size": payload.len(), "digest": Digest::of(payload.as_bytes()),
                       "annotations": {"dev.cosignproject.cosign/signature": signature}})
            })
            .collect();
        manifest(&layers, MediaType::OCI_CONFIG)
    }

    fn manifest(layers: &[Value], config: &str) -> Manifest {
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
            "config": {"mediaType": config, "size": 2, "digest": Digest::of(b"{}"), "data": "e30="},
            "layers": layers, "annotations": {"kept": "yes"},
        });
        Manifest::parse(manifest.to_string().into(), None).unwrap()
    }

    fn merged(there: &Manifest, config: &[u8], from: &Manifest) -> MergedSignatures {
        let there = Signatures::of(there).unwrap();
        there.merge(config, &Signatures::of(from).unwrap()).unwrap()
    }

    #[test]
    fn what_is_there_comes_first_and_what_is_new_after_it() {
        let there = signed(&[("payload", "b"), ("payload", "a")]);
        let from = signed(&[
            ("payload", "a"),
            ("payload", "c"),
            ("other", "a"),
            ("payload", "c"),
        ]);
        let merged = merged(&there, b"{}", &from);
        let signatures = Signatures::of(&merged.manifest).unwrap();
        let found: Vec<_> = signatures
            .layers
            .iter()
            .map(|layer| {
                let signature = &layer.annotations["dev.cosignproject.cosign/signature"];
                (layer.digest.clone(), signature.as_str())
            })
            .collect();
        let [payload, other] = ["payload", "other"].map(|text| Digest::of(text.as_bytes()));
        let expected = [
            (&payload, "b"),
            (&payload, "a"),
            (&payload, "c"),
            (&other, "a"),
        ];
        assert_eq!(found, expected.map(|(digest, of)| (digest.clone(), of)));
        assert!(String::from_utf8_lossy(&merged.manifest.raw).contains("kept"));
        assert_eq!(signatures.lacking(&Signatures::of(&from).unwrap()), 0);
        assert_eq!(signatures.lacking(&Signatures::of(&there).unwrap()), 0);
    }

    #[test]
    fn the_config_names_every_layer_and_keeps_its_other_fields() {
        let there = signed(&[("1", "a")]);
        let config = json!({
            "author": "x", "created": "2024-01-01T00:00:00Z", "history": [{"created": "then"}],
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(b"1")]},
        });
        let from = signed(&[("2", "a"), ("3", "a")]);
        let merged = merged(&there, config.to_string().as_bytes(), &from);
        assert_eq!(Digest::of(&merged.config), merged.config_digest);
        let named = Signatures::of(&merged.manifest).unwrap().config;
        assert_eq!(named.digest, merged.config_digest);
        assert_eq!(named.size, merged.config.len() as u64);
        assert!(!String::from_utf8_lossy(&merged.manifest.raw).contains("e30="));
        let config: Value = serde_json::from_slice(&merged.config).unwrap();
        let ids = [b"1", b"2", b"3"].map(|layer| Digest::of(layer));
        assert_eq!(config["rootfs"]["diff_ids"], json!(ids));
        assert_eq!(
            config["history"],
            json!([{"created": "then"}, undated(), undated()])
        );
        assert_eq!(
            (&config["author"], &config["os"]),
            (&json!("x"), &json!(""))
        );
    }

    #[test]
    fn a_config_that_cannot_be_read_is_made_anew() {
        let (there, from) = (signed(&[("1", "a")]), signed(&[("1", "b")]));
        for config in [&b""[..], b"[]", b"{\"rootfs\": 7, \"history\": null}"] {
            let merged = merged(&there, config, &from);
            let config: Value = serde_json::from_slice(&merged.config).unwrap();
            let ids = [b"1", b"1"].map(|layer| Digest::of(layer));
            assert_eq!(config["rootfs"]["diff_ids"], json!(ids));
            assert_eq!(config["history"], json!([undated(), undated()]));
        }
    }

    #[test]
    fn only_manifests_of_nothing_but_signed_payloads_are_merged() {
        let layer = |media_type: &str| json!({"mediaType": media_type, "size": 1, "digest": Digest::of(b"1")});
        let image_config = MediaType::OCI_CONFIG;
        assert!(Signatures::of(&manifest(&[layer(PAYLOADS[1])], image_config)).is_some());
        let sbom = [layer(PAYLOADS[1]), layer("text/spdx+json")];
        assert!(Signatures::of(&manifest(&sbom, image_config)).is_none());
        assert!(Signatures::of(&manifest(&[], image_config)).is_none());
        let other_config = manifest(&[layer(PAYLOADS[0])], MediaType::OCI_EMPTY);
        assert!(Signatures::of(&other_config).is_none());
        let index = json!({"mediaType": MediaType::OCI_INDEX, "manifests": [layer(PAYLOADS[0])]});
        let index = Manifest::parse(index.to_string().into(), None).unwrap();
        assert!(Signatures::of(&index).is_none());
    }
}

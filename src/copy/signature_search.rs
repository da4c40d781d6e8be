//! Finds the signatures of an image at the source: under the tag `sha256-HEX.sig`, and among the referrers.
//!
//! Decides where to look and in which order; `signature` decides which of them count. Invariant: what was found and does
//! not count is kept with the reason, and a question that the source refuses is no answer.

use super::{
    CopyError, error::blame, image_context::ImageContext, manifest_reader::ManifestReader,
    small_blob::read_small_blob,
};
use crate::{
    batch::Side,
    oci::{Attachments, Descriptor, Digest, Manifest, ManifestContent, Tag},
    signature::{CosignKey, CosignRefusal, SimpleSignature, verify_bundle, verify_simple},
    transport::{Error, Selector, referrers},
};

/// The ending of the tag that cosign writes signatures to.
const ENDING: &str = ".sig";
/// Artifact types of referrers with signatures. Bundles have a version in theirs.
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
const SIGNATURE_ARTIFACT: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
/// A signed text has some 300 bytes, a bundle with its log entries some 10 KiB.
const MAX_BYTES: usize = 1 << 20;
/// Signatures of one image that are verified.
const MAX_SIGNATURES: usize = 100;

pub(super) struct SignatureSearch<'a> {
    image: &'a ImageContext<'a>,
    reader: ManifestReader<'a>,
    digest: &'a Digest,
    keys: &'a [CosignKey],
    /// Why each signature that was found does not count.
    pub(super) refused: Vec<String>,
    left: usize,
}

impl<'a> SignatureSearch<'a> {
    pub(super) fn new(
        image: &'a ImageContext<'a>,
        digest: &'a Digest,
        keys: &'a [CosignKey],
    ) -> Self {
        Self {
            image,
            reader: ManifestReader {
                source: &*image.source.image,
                budget: &image.budget,
            },
            digest,
            keys,
            refused: Vec::new(),
            left: MAX_SIGNATURES,
        }
    }

    /// The key that signed the image, if one of them did.
    pub(super) async fn run(&mut self) -> Result<Option<&'a CosignKey>, CopyError> {
        let tags = Attachments::cosign_tags(self.digest);
        for tag in tags.filter(|tag| tag.as_str().ends_with(ENDING)) {
            if let Some(key) = self.under_tag(&tag).await? {
                return Ok(Some(key));
            }
        }
        self.among_referrers().await
    }

    async fn under_tag(&mut self, tag: &Tag) -> Result<Option<&'a CosignKey>, CopyError> {
        let source = self.image.source;
        let cache = &source.state.referrers;
        let may_exist = cache.may_exist(&*source.image, &source.scope, tag).await;
        if !may_exist.map_err(blame(Side::Source))? {
            return Ok(None);
        }
        match self.reader.manifest(Selector::Tag(tag)).await {
            Ok(manifest) => self.in_manifest(&manifest, tag.as_str()).await,
            Err(error) => self.unread(tag.as_str(), error),
        }
    }

    async fn among_referrers(&mut self) -> Result<Option<&'a CosignKey>, CopyError> {
        let listed = referrers(self.reader.source, self.digest, self.reader.budget).await;
        let listed = match listed.map_err(blame(Side::Source))? {
            Ok(listed) => listed,
            Err(error) => {
                let refused = format!("the source refuses to list the referrers: {error}");
                self.refused.push(refused);
                return Ok(None);
            }
        };
        let may_sign = |referrer: &&Descriptor| {
            let kind = referrer.artifact_type.as_ref();
            kind.is_none_or(|kind| {
                kind.as_str().starts_with(BUNDLE) || kind.as_str() == SIGNATURE_ARTIFACT
            })
        };
        for referrer in listed.iter().filter(may_sign).take(MAX_SIGNATURES) {
            let name = referrer.digest.to_string();
            self.reader.admit_manifests([referrer]).await?;
            let found = match self.reader.source.described_manifest(referrer).await {
                Ok(manifest) => self.in_manifest(&manifest, &name).await?,
                Err(error) => self.unread(&name, error)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Verifies what is in the manifest that is called `name`.
    async fn in_manifest(
        &mut self,
        manifest: &Manifest,
        name: &str,
    ) -> Result<Option<&'a CosignKey>, CopyError> {
        let layers = match &manifest.content {
            ManifestContent::Image { layers, .. } => layers.as_slice(),
            ManifestContent::Index(_) => &[],
        };
        for (at, layer) in layers.iter().enumerate() {
            let simple = SimpleSignature::of(layer);
            let is_bundle = layer.media_type.as_str().starts_with(BUNDLE);
            if simple.is_none() && !is_bundle {
                continue;
            }
            let Some(left) = self.left.checked_sub(1) else {
                let refused = format!("only the first {MAX_SIGNATURES} signatures were verified");
                self.refused.push(refused);
                return Ok(None);
            };
            self.left = left;
            let verified = match (simple, self.content(layer).await?) {
                (_, None) => Err(CosignRefusal::Malformed(format!(
                    "the source does not have {} as it is described",
                    layer.digest
                ))),
                (Some(simple), Some(text)) => verify_simple(&simple, &text, self.digest, self.keys),
                (None, Some(bundle)) => {
                    let signed = self.signed_manifest().await?;
                    verify_bundle(&bundle, self.digest, &signed, self.keys)
                }
            };
            match verified {
                Ok(key) => return Ok(Some(key)),
                Err(refused) => self
                    .refused
                    .push(format!("signature {} of {name}: {refused}", at + 1)),
            }
        }
        Ok(None)
    }

    async fn content(&self, layer: &Descriptor) -> Result<Option<Vec<u8>>, CopyError> {
        let read = read_small_blob(self.reader.source, &layer.digest, MAX_BYTES).await;
        read.map_err(blame(Side::Source))
    }

    /// The bytes of the manifest that is signed.
    async fn signed_manifest(&self) -> Result<Vec<u8>, CopyError> {
        let read = self.reader.manifest(Selector::Digest(self.digest)).await;
        let manifest = read.map_err(blame(Side::Source))?;
        Ok(manifest.raw.to_vec())
    }

    /// What cannot be read is no signature, unless another attempt may read it.
    fn unread(&mut self, name: &str, error: Error) -> Result<Option<&'a CosignKey>, CopyError> {
        if error.is_not_found() {
            return Ok(None);
        }
        if error.status() == Some(403) || error.manifest_problem().is_some() {
            self.refused.push(format!("{name}: the source {error}"));
            return Ok(None);
        }
        Err(blame(Side::Source)(error))
    }
}

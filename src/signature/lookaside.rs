//! Where the OpenPGP signatures of images in registries are (containers-registries.d(5)).
//!
//! Decides which section holds for an image: each key by itself, the most specific scope that has it first. Invariant: a
//! repository never leads out of the storage.

use std::collections::HashMap;

use url::Url;

use super::PolicyImage;
use crate::oci::{Digest, Reference};

/// One section of registries.d.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookasideSection {
    pub lookaside: Option<Url>,
    pub use_sigstore_attachments: Option<bool>,
}

/// The sections of all files of registries.d.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookaside {
    pub scopes: HashMap<String, LookasideSection>,
    pub default: Option<LookasideSection>,
    /// The storage of images that no section has one for.
    pub builtin: Option<Url>,
}

impl Lookaside {
    /// The URL of a signature of an image, counted from 1. `None` without a storage.
    #[must_use]
    pub fn signature_url(
        &self,
        image: &PolicyImage,
        reference: &Reference,
        digest: &Digest,
        number: usize,
    ) -> Option<Url> {
        let storage = self
            .sections(image)
            .find_map(|section| section.lookaside.as_ref());
        let mut url = storage.or(self.builtin.as_ref())?.clone();
        let base = url.path().trim_end_matches('/');
        let (algorithm, hex) = (digest.algorithm(), digest.hex());
        let repository = &reference.repository;
        let path = format!("{base}/{repository}@{algorithm}={hex}/signature-{number}");
        url.set_path(&path);
        Some(url)
    }

    /// Whether the cosign signatures of an image are read.
    #[must_use]
    pub fn uses_sigstore_attachments(&self, image: &PolicyImage) -> bool {
        let mut written = self.sections(image);
        let written = written.find_map(|section| section.use_sigstore_attachments);
        written.unwrap_or(false)
    }

    /// The sections that hold for an image, the most specific one first.
    fn sections<'l>(
        &'l self,
        image: &'l PolicyImage,
    ) -> impl Iterator<Item = &'l LookasideSection> {
        let scopes = image.scopes().filter_map(|scope| self.scopes.get(scope));
        scopes.chain(&self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(url: Option<&str>, attachments: Option<bool>) -> LookasideSection {
        LookasideSection {
            lookaside: url.map(|url| url.parse().unwrap()),
            use_sigstore_attachments: attachments,
        }
    }

    #[test]
    fn each_key_is_taken_from_the_most_specific_section_that_has_it() {
        let lookaside = Lookaside {
            scopes: HashMap::from([
                ("r.example/team/api".into(), section(None, Some(true))),
                (
                    "r.example/team".into(),
                    section(Some("https://s.example/x/"), Some(false)),
                ),
            ]),
            default: Some(section(Some("file:///srv/sigs"), None)),
            builtin: None,
        };
        let digest = Digest::of(b"x");
        let url = |text: &str| {
            let reference: Reference = text.parse().unwrap();
            let image = PolicyImage::of(&reference.clone().into(), None);
            let url = lookaside
                .signature_url(&image, &reference, &digest, 2)
                .unwrap();
            (url.to_string(), lookaside.uses_sigstore_attachments(&image))
        };
        let file = format!("sha256={}/signature-2", digest.hex());
        let expected = format!("https://s.example/x/team/api@{file}");
        assert_eq!(url("r.example/team/api:1"), (expected, true));
        let expected = format!("https://s.example/x/team/web@{file}");
        assert_eq!(url("r.example/team/web:1"), (expected, false));
        let expected = format!("file:///srv/sigs/library/busybox@{file}");
        assert_eq!(url("busybox"), (expected, false));
    }
}

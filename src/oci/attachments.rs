//! What is attached to a manifest without being named by it: referrers (distribution-spec "Listing
//! Referrers") and cosign's tags.
//!
//! Decides which of it goes along with an image, and the tags under which it is found. Invariant: a tag made
//! here names the whole digest of its subject.

use serde::{Deserialize, Serialize};

use super::{Digest, Tag};

/// Which attachments go along with an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attachments {
    /// Manifests whose `subject` is the image or a part of it.
    pub referrers: bool,
    /// Signatures, attestations and SBOMs under tags such as `sha256-HEX.sig`.
    pub cosign_tags: bool,
    /// Also look for those of an image that is at the destination already: they may be younger than it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub recheck: bool,
}

/// The endings of cosign's tags.
const COSIGN: [&str; 3] = ["sig", "att", "sbom"];

impl Attachments {
    pub const ALL: Self = Self {
        referrers: true,
        cosign_tags: true,
        recheck: false,
    };
    pub const NONE: Self = Self {
        referrers: false,
        cosign_tags: false,
        recheck: false,
    };

    /// Whether any are wanted.
    #[must_use]
    pub fn any(&self) -> bool {
        self.referrers || self.cosign_tags
    }

    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::ALL
    }

    /// The tag of the index that lists the referrers of `subject` where the registry does not
    /// (distribution-spec "Referrers Tag Schema").
    #[must_use]
    pub fn fallback_tag(subject: &Digest) -> Option<Tag> {
        // The schema cuts long digests; tags have at most 128 characters.
        let hex = subject.hex();
        let hex = hex.get(..64)?;
        format!("{}-{hex}", subject.algorithm()).parse().ok()
    }

    /// The tags under which cosign puts what belongs to `subject`.
    pub fn cosign_tags(subject: &Digest) -> impl Iterator<Item = Tag> {
        let name = format!("{}-{}", subject.algorithm(), subject.hex());
        // A SHA-512 digest makes no tag: it is too long.
        COSIGN
            .into_iter()
            .filter_map(move |ending| format!("{name}.{ending}").parse().ok())
    }

    /// Whether cosign puts under `tag` what belongs to some subject.
    #[must_use]
    pub fn is_cosign_tag(tag: &Tag) -> bool {
        let subject = tag.as_str().split_once('.').and_then(|(name, ending)| {
            let hex = name.strip_prefix("sha256-")?;
            COSIGN.contains(&ending).then_some(hex)
        });
        subject.is_some_and(|hex| format!("sha256:{hex}").parse::<Digest>().is_ok())
    }

    /// Whether `tag` may be one of those above, for any subject.
    #[must_use]
    pub fn may_be_tag(tag: &str) -> bool {
        tag.starts_with("sha256-") || tag.starts_with("sha512-")
    }
}

impl Default for Attachments {
    fn default() -> Self {
        Self::ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attachments_are_found_under_the_digest_of_their_subject() {
        let subject = Digest::of(b"image");
        let hex = subject.hex();
        let fallback = Attachments::fallback_tag(&subject).unwrap();
        assert_eq!(fallback.as_str(), format!("sha256-{hex}"));
        let tags: Vec<String> = Attachments::cosign_tags(&subject)
            .map(|tag| tag.as_str().to_owned())
            .collect();
        let expected = ["sig", "att", "sbom"].map(|ending| format!("sha256-{hex}.{ending}"));
        assert_eq!(tags, expected);
        assert!(tags.iter().all(|tag| Attachments::may_be_tag(tag)));
        assert!(Attachments::cosign_tags(&subject).all(|tag| Attachments::is_cosign_tag(&tag)));
        let others = [
            fallback.to_string(),
            format!("sha256-{hex}.txt"),
            "sha256-12.sig".into(),
            "1.sig".into(),
        ];
        for other in others {
            assert!(
                !Attachments::is_cosign_tag(&other.parse().unwrap()),
                "{other}"
            );
        }
    }

    #[test]
    fn a_long_digest_is_cut_for_the_fallback_tag_and_makes_no_cosign_tag() {
        let subject: Digest = format!("sha512:{}", "ab".repeat(64)).parse().unwrap();
        let fallback = Attachments::fallback_tag(&subject).unwrap();
        assert_eq!(fallback.as_str(), format!("sha512-{}", "ab".repeat(32)));
        assert_eq!(Attachments::cosign_tags(&subject).count(), 0);
    }
}

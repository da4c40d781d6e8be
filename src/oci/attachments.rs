//! Attachments of an image: referrers (distribution-spec "Listing Referrers") and the manifests under cosign's tags.
//!
//! Decides which attachments are copied with an image, and the names of their tags. Invariant: two subjects never have
//! the same tag.

use serde::{Deserialize, Serialize};

use super::{Digest, Tag};

/// Which attachments are copied with an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attachments {
    /// Manifests whose `subject` is the image or one of its children.
    pub referrers: bool,
    /// Signatures, attestations and SBOMs under tags such as `sha256-HEX.sig`.
    pub cosign_tags: bool,
    /// Also for an image that is at the destination already, because attachments may be added later.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub recheck: bool,
}

/// The suffixes of cosign's tags.
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

    /// Whether any attachments are copied.
    #[must_use]
    pub fn any(&self) -> bool {
        self.referrers || self.cosign_tags
    }

    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::ALL
    }

    /// The tag of the index that lists the referrers of `subject` if the registry does not (distribution-spec "Referrers
    /// Tag Schema").
    #[must_use]
    pub fn fallback_tag(subject: &Digest) -> Option<Tag> {
        // The schema cuts long digests; tags have at most 128 characters.
        let hex = subject.hex();
        let hex = hex.get(..64)?;
        format!("{}-{hex}", subject.algorithm()).parse().ok()
    }

    /// The tags under which cosign stores the attachments of `subject`.
    pub fn cosign_tags(subject: &Digest) -> impl Iterator<Item = Tag> {
        let name = format!("{}-{}", subject.algorithm(), subject.hex());
        // A SHA-512 digest is too long for a tag.
        COSIGN
            .into_iter()
            .filter_map(move |ending| format!("{name}.{ending}").parse().ok())
    }

    /// Whether `tag` is a tag of cosign for any subject.
    #[must_use]
    pub fn is_cosign_tag(tag: &Tag) -> bool {
        let subject = tag.as_str().split_once('.').and_then(|(name, ending)| {
            let hex = name.strip_prefix("sha256-")?;
            COSIGN.contains(&ending).then_some(hex)
        });
        subject.is_some_and(|hex| format!("sha256:{hex}").parse::<Digest>().is_ok())
    }

    /// Whether `tag` may be a fallback tag or a tag of cosign, for any subject.
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

//! Tags as versions: which tags are one, and which of two is newer.
//!
//! Decides what is accepted beyond semver.org: a leading `v`, one or two numbers instead of three,
//! leading zeros (dates), and Helm's `_` for the `+` a tag cannot have. Invariant: never fails; a tag
//! is a version or it is not.

use semver::{BuildMetadata, Prerelease, Version};

use crate::oci::Tag;

pub(super) fn version(tag: &Tag) -> Option<Version> {
    let text = tag.as_str();
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let (text, build) = match text.split_once('_') {
        Some((text, build)) => (text, BuildMetadata::new(build).ok()?),
        None => (text, BuildMetadata::EMPTY),
    };
    let (numbers, pre) = match text.split_once('-') {
        Some((numbers, pre)) => (numbers, Prerelease::new(pre).ok()?),
        None => (text, Prerelease::EMPTY),
    };
    let mut parts = [0; 3];
    for (index, number) in numbers.split('.').enumerate() {
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        *parts.get_mut(index).filter(|_| digits)? = number.parse().ok()?;
    }
    let [major, minor, patch] = parts;
    Some(Version {
        major,
        minor,
        patch,
        pre,
        build,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_call_a_version_is_read_as_one() {
        let read = |tag: &str| version(&tag.parse().unwrap()).map(|version| version.to_string());
        for (tag, expected) in [
            ("1.27.3", Some("1.27.3")),
            ("v2", Some("2.0.0")),
            ("1.27-alpine3.20", Some("1.27.0-alpine3.20")),
            ("2024.01.05", Some("2024.1.5")),
            ("1.2.3_build.4", Some("1.2.3+build.4")),
            ("latest", None),
            ("1.2.3.4", None),
            ("v", None),
            ("1..2", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(read(tag).as_deref(), expected, "{tag}");
        }
    }
}

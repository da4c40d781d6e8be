//! Platforms (image-spec image-index.md, "platform"): how they are written, and when one matches another.
//!
//! Invariant: a selected platform without a variant matches all variants, one with a variant only that.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// An operating system and architecture, as in `linux/arm64/v8`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    #[serde(default)]
    pub os: String,
    #[serde(default)]
    pub architecture: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    #[serde(
        default,
        rename = "os.version",
        skip_serializing_if = "Option::is_none"
    )]
    pub os_version: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a platform is written os/architecture or os/architecture/variant, for example linux/amd64"
)]
pub struct PlatformError;

impl Platform {
    /// The platform of containers on this machine: Linux, except on Windows.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let os = match std::env::consts::OS {
            "windows" => "windows",
            _ => "linux",
        };
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "x86" => "386",
            "aarch64" => "arm64",
            "powerpc64" => "ppc64le",
            other => other,
        };
        Self {
            os: os.into(),
            architecture: architecture.into(),
            variant: None,
            os_version: None,
        }
    }

    /// Whether `self`, which an operator selected, matches `other`, which an index lists.
    #[must_use]
    pub fn selects(&self, other: &Self) -> bool {
        self.os == other.os
            && self.architecture == other.architecture
            && (self.variant.is_none() || self.variant == other.variant)
            && (self.os_version.is_none() || self.os_version == other.os_version)
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let known = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match parts[..] {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant)),
            _ => return Err(PlatformError),
        };
        if !parts.iter().all(|part| known(part)) {
            return Err(PlatformError);
        }
        Ok(Self {
            os: os.into(),
            architecture: architecture.into(),
            variant: variant.map(Into::into),
            os_version: None,
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_without_variant_selects_every_variant() {
        let platform = |text: &str| text.parse::<Platform>().unwrap();
        assert!(platform("linux/arm64").selects(&platform("linux/arm64/v8")));
        assert!(!platform("linux/arm/v6").selects(&platform("linux/arm/v7")));
        assert!(!platform("linux/amd64").selects(&platform("windows/amd64")));
    }

    #[test]
    fn a_word_is_not_a_platform() {
        for text in ["linux", "", "linux/", "linux/amd64/v1/x", "a b/c"] {
            assert_eq!(text.parse::<Platform>(), Err(PlatformError), "{text}");
        }
    }
}

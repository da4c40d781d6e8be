//! The name of a group of images whose tags are written together.
//!
//! Invariant: it is 1 to 64 characters of `A-Z a-z 0-9 . _ -` and begins with a letter or a digit, so that it is shown
//! as it is.

use std::{fmt, str::FromStr, sync::Arc};

const MAX_LENGTH: usize = 64;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(Arc<str>);

/// A text that is no name of a group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a group")]
pub struct GroupNameError(String);

impl GroupName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GroupName {
    type Err = GroupNameError;

    fn from_str(text: &str) -> Result<Self, GroupNameError> {
        let is_valid = text.len() <= MAX_LENGTH
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        match is_valid {
            true => Ok(Self(text.into())),
            false => Err(GroupNameError(text.chars().take(MAX_LENGTH).collect())),
        }
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for GroupName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for GroupName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_can_be_shown_as_it_is() {
        for name in ["release-42", "2026.11_a", "x", &"a".repeat(64)] {
            assert_eq!(name.parse::<GroupName>().unwrap().as_str(), name);
        }
        for name in ["", "-a", ".a", "a b", "a\u{1b}[1m", "ü", &"a".repeat(65)] {
            assert!(name.parse::<GroupName>().is_err(), "{name:?}");
        }
    }
}

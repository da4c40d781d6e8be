//! Which tags of a repository are chosen outside of a list, by the rules of lists.
//!
//! Invariant: as keys of an image table, a choice selects the same tags.

use std::{fmt, str::FromStr};

use regex::bytes::Regex;
use semver::VersionReq;

use super::{file::ImageTable, filter::TagFilter, spanned::Spanned, values};
use crate::oci::Tag;

/// All tags, or those that every part of it lets through.
#[derive(Clone, Debug, Default)]
pub struct TagChoice {
    pub pattern: Option<TagPattern>,
    pub semver: Option<VersionRange>,
    pub exclude: Vec<TagPattern>,
    /// So many with the highest versions, of those that the other parts let through.
    pub latest: Option<u16>,
}

/// A regular expression for whole tags.
#[derive(Clone, Debug)]
pub struct TagPattern {
    text: String,
    pattern: Regex,
}

/// A range of versions, such as `>=1.20, <2`.
#[derive(Clone, Debug)]
pub struct VersionRange {
    text: String,
    range: VersionReq,
}

/// What is wrong with a pattern or a range, and what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {help}")]
pub struct TagChoiceError {
    message: String,
    help: String,
}

impl TagChoice {
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.filter().is_empty()
    }

    /// The chosen ones of the tags of a repository.
    #[must_use]
    pub fn select(&self, tags: &[Tag]) -> Vec<Tag> {
        self.filter().select(tags)
    }

    /// An image table with nothing but the keys for this choice.
    #[must_use]
    pub fn to_table(&self) -> ImageTable {
        let exclude = self.exclude.iter().map(ToString::to_string);
        ImageTable {
            tag_pattern: self.pattern.as_ref().map(ToString::to_string),
            semver: self.semver.as_ref().map(ToString::to_string),
            latest: self.latest.map(u64::from),
            exclude: Some(exclude.collect()).filter(|all: &Vec<String>| !all.is_empty()),
            ..ImageTable::default()
        }
    }

    fn filter(&self) -> TagFilter {
        let patterns = |all: &[TagPattern]| all.iter().map(TagPattern::unplaced).collect();
        TagFilter {
            pattern: self.pattern.as_ref().map(TagPattern::unplaced),
            semver: (self.semver.as_ref()).map(|range| unplaced(range.range.clone())),
            latest: self.latest.map(unplaced),
            exclude: match self.exclude.as_slice() {
                [] => None,
                all => Some(unplaced(patterns(all))),
            },
        }
    }
}

impl TagPattern {
    fn unplaced(&self) -> Spanned<Regex> {
        unplaced(self.pattern.clone())
    }
}

/// A value that is in no list.
fn unplaced<T>(value: T) -> Spanned<T> {
    Spanned {
        key: 0..0,
        at: 0..0,
        value,
    }
}

impl FromStr for TagPattern {
    type Err = TagChoiceError;

    fn from_str(text: &str) -> Result<Self, TagChoiceError> {
        Ok(Self {
            pattern: values::whole_tag(text).map_err(TagChoiceError::from)?,
            text: text.to_owned(),
        })
    }
}

impl FromStr for VersionRange {
    type Err = TagChoiceError;

    fn from_str(text: &str) -> Result<Self, TagChoiceError> {
        Ok(Self {
            range: values::range(text).map_err(TagChoiceError::from)?,
            text: text.to_owned(),
        })
    }
}

impl From<values::ValueError> for TagChoiceError {
    fn from(error: values::ValueError) -> Self {
        let values::ValueError { message, help, .. } = error;
        Self { message, help }
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(choice: &TagChoice) -> Vec<String> {
        let tags = ["1.9", "1.10", "2.0-rc1", "2.0", "latest"];
        let tags = tags.map(|tag| tag.parse().unwrap());
        let chosen = choice.select(&tags).into_iter();
        chosen.map(|tag| tag.to_string()).collect()
    }

    #[test]
    fn the_parts_of_a_choice_apply_in_the_order_of_lists() {
        let all = TagChoice::default();
        assert_eq!(selected(&all).len(), 5);
        assert!(all.is_all());
        let choice = TagChoice {
            pattern: Some("[0-9].*".parse().unwrap()),
            exclude: vec![".*-rc.*".parse().unwrap()],
            latest: Some(2),
            ..TagChoice::default()
        };
        assert_eq!(selected(&choice), ["2.0", "1.10"]);
        let choice = TagChoice {
            semver: Some("<2".parse().unwrap()),
            ..TagChoice::default()
        };
        assert_eq!(selected(&choice), ["1.9", "1.10"]);
    }

    #[test]
    fn what_is_no_pattern_or_range_is_told_with_help() {
        let error = "*.1".parse::<TagPattern>().unwrap_err().to_string();
        assert!(error.contains("a regular expression has .*"), "{error}");
        let error = "1||2".parse::<VersionRange>().unwrap_err().to_string();
        assert!(error.contains("not a version range"), "{error}");
    }
}

//! Selects tags of a repository.
//!
//! Decides by pattern, then exclusions, then version range, then `latest`. Invariant: the result depends on the tags
//! only, and keeps their order, except that `latest` sorts by version, newest first.

use std::ops::Range;

use regex::bytes::Regex;
use semver::VersionReq;

use super::{
    mistake::Mistake, spanned::Spanned, store_repository::StoreRepository, version::version,
};
use crate::oci::Tag;

/// Existing tags that a mistake shows as examples.
const MAX_TAGS_SHOWN: usize = 5;

#[derive(Clone, Debug, Default)]
pub(super) struct TagFilter {
    pub(super) pattern: Option<Spanned<Regex>>,
    pub(super) semver: Option<Spanned<VersionReq>>,
    pub(super) latest: Option<Spanned<u16>>,
    pub(super) exclude: Option<Spanned<Vec<Spanned<Regex>>>>,
}

impl TagFilter {
    pub(super) fn is_empty(&self) -> bool {
        self.keys().next().is_none()
    }

    /// Where the keys of this filter are written.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Range<usize>> {
        [
            self.pattern.as_ref().map(|pattern| &pattern.key),
            self.semver.as_ref().map(|range| &range.key),
            self.latest.as_ref().map(|count| &count.key),
            self.exclude.as_ref().map(|patterns| &patterns.key),
        ]
        .into_iter()
        .flatten()
    }

    /// This filter, with the keys it does not have from `defaults`.
    pub(super) fn or(self, defaults: &Self) -> Self {
        Self {
            pattern: self.pattern.or_else(|| defaults.pattern.clone()),
            exclude: self.exclude.or_else(|| defaults.exclude.clone()),
            ..self
        }
    }

    /// Whether it selects at most one tag.
    pub(super) fn is_single(&self) -> bool {
        self.latest.as_ref().is_some_and(|count| count.value == 1)
    }

    pub(super) fn select(&self, tags: &[Tag]) -> Vec<Tag> {
        let fitting = tags.iter().filter(|tag| self.admits(tag)).cloned();
        let Some(latest) = &self.latest else {
            return fitting.collect();
        };
        newest(fitting, latest.value.into())
    }

    fn admits(&self, tag: &Tag) -> bool {
        let matches = |pattern: &Spanned<Regex>| pattern.value.is_match(tag.as_str().as_bytes());
        let excluded = self.exclude.iter().flat_map(|all| &all.value).any(matches);
        self.pattern.as_ref().is_none_or(matches)
            && !excluded
            && self.semver.as_ref().is_none_or(|range| {
                version(tag).is_some_and(|version| range.value.matches(&version))
            })
    }

    /// The mistake if no tag of a repository fits.
    pub(super) fn no_tag(
        &self,
        repository: &StoreRepository,
        tags: &[Tag],
        image: &Range<usize>,
    ) -> Mistake {
        let message = format!("no tag of {repository} matches the filter");
        if tags.is_empty() {
            return Mistake::new(message, image.clone())
                .label("this repository has no tags")
                .help("check the name, and that these credentials may list its tags");
        }
        let values = [
            self.pattern.as_ref().map(|pattern| &pattern.at),
            self.semver.as_ref().map(|range| &range.at),
            self.latest.as_ref().map(|count| &count.at),
            self.exclude.as_ref().map(|patterns| &patterns.at),
        ];
        let mut mistake = Mistake::new(message, image.clone()).label(match tags.len() {
            1 => "its only tag does not match".into(),
            count => format!("none of its {count} tags matches"),
        });
        for at in values.into_iter().flatten() {
            mistake = mistake.and(at.clone(), "this filter");
        }
        let mut examples = newest(tags.iter().cloned(), MAX_TAGS_SHOWN);
        let others = tags.iter().filter(|tag| version(tag).is_none()).cloned();
        examples.extend(others.take(MAX_TAGS_SHOWN - examples.len()));
        let shown: Vec<&str> = examples.iter().map(Tag::as_str).collect();
        let more = match tags.len() - shown.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let latest = match self.latest {
            Some(_) => "; `latest` counts only tags that are versions",
            None => "",
        };
        mistake.help(format!(
            "the existing tags are {}{more}{latest}",
            shown.join(", ")
        ))
    }
}

/// The `count` tags with the highest versions, highest first; tags that are no versions are dropped.
fn newest(tags: impl Iterator<Item = Tag>, count: usize) -> Vec<Tag> {
    let mut versions: Vec<_> = tags
        .filter_map(|tag| version(&tag).map(|version| (version, tag)))
        .collect();
    versions.sort_unstable();
    let newest = versions.into_iter().rev().take(count);
    newest.map(|(_, tag)| tag).collect()
}

//! Reads `prune` and `prune-limit`: whether tags are deleted at the destination that no image of the list has.
//!
//! Decides what a limit is. Invariant: without `prune = true` nothing is deleted.

use std::fmt;

use super::{fields::Fields, mistake::Mistake, spanned::Spanned, values::ValueError};
use crate::oci::Store;

/// How much of the tags may be deleted without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PruneLimit {
    /// Of all tags in the repositories, 0 to 100.
    Percent(u8),
    Tags(u64),
}

impl PruneLimit {
    /// Whether `deleted` of `present` tags are more than the limit.
    #[must_use]
    pub fn is_exceeded(self, deleted: usize, present: usize) -> bool {
        match self {
            Self::Percent(percent) => deleted as u128 * 100 > present as u128 * u128::from(percent),
            Self::Tags(tags) => deleted as u128 > u128::from(tags),
        }
    }
}

impl Default for PruneLimit {
    fn default() -> Self {
        Self::Percent(10)
    }
}

impl fmt::Display for PruneLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}% of the tags"),
            Self::Tags(1) => f.write_str("1 tag"),
            Self::Tags(tags) => write!(f, "{tags} tags"),
        }
    }
}

/// The limit if the destination is pruned.
pub(super) fn read(table: &mut Fields, store: Option<&Spanned<Store>>) -> Option<PruneLimit> {
    let prune = table.flag("prune");
    let limit = limit(table);
    let written = prune.as_ref().map(|prune| prune.key.clone());
    let is_on = prune.is_some_and(|prune| prune.value);
    if let Some((at, store)) = written.filter(|_| is_on).zip(store)
        && store.value.local().is_some()
    {
        table.reader.report(
            Mistake::new("`prune` is for a registry", at)
                .and(store.key.clone(), "this destination is a local store")
                .help("remove it; `transship delete` removes images from an OCI layout"),
        );
    }
    if let Some(limit) = limit.as_ref().filter(|_| !is_on) {
        table.reader.report(
            Mistake::new(
                "`prune-limit` has no effect without `prune`",
                limit.key.clone(),
            )
            .help("write prune = true, or remove it"),
        );
    }
    is_on.then(|| limit.map_or_else(PruneLimit::default, |limit| limit.value))
}

fn limit(table: &mut Fields) -> Option<Spanned<PruneLimit>> {
    let written = table.number_or_text("prune-limit", "a share or a number of tags", percent)?;
    let Spanned { value, at, key } = written;
    match value {
        Ok(value) => {
            let tags = table.in_range("prune-limit", Spanned { value, at, key })?;
            Some(tags.map(PruneLimit::Tags))
        }
        Err(value) => Some(Spanned { value, at, key }),
    }
}

fn percent(text: &str) -> Result<PruneLimit, ValueError> {
    let number = text
        .strip_suffix('%')
        .and_then(|number| number.trim_end().parse().ok());
    let percent = number.filter(|percent: &u8| *percent <= 100);
    percent.map(PruneLimit::Percent).ok_or_else(|| ValueError {
        message: format!("{text:?} is no limit"),
        at: None,
        help: "write a share such as \"10%\", or a number of tags such as 20".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_exceeded_only_by_more_than_it() {
        let limit = PruneLimit::Percent(10);
        assert!(!limit.is_exceeded(1, 10));
        assert!(limit.is_exceeded(1, 9));
        assert!(!limit.is_exceeded(0, 0));
        assert!(!PruneLimit::Percent(100).is_exceeded(9, 9));
        assert!(PruneLimit::Percent(0).is_exceeded(1, usize::MAX));
    }

    #[test]
    fn a_number_of_tags_does_not_depend_on_how_many_there_are() {
        assert!(!PruneLimit::Tags(2).is_exceeded(2, 2));
        assert!(PruneLimit::Tags(2).is_exceeded(3, 1000));
    }
}

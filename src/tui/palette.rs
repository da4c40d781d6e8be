//! The command palette: every action by name, and commands with an argument.
//!
//! Decides which commands match the input, and their order; `actions` runs them.

use std::cmp::Reverse;

use super::{
    keymap::{Action, Keymap, Mode},
    sort::Sort,
    status_filter::StatusFilter,
    theme::Theme,
    typed_words::TypedWords,
};
use crate::batch::RegistryLimit;

/// What a command runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    Act(Action),
    Sort(Sort),
    Show(StatusFilter),
    Theme(Theme),
    /// Images copied at the same time.
    Parallel(u16),
    /// A limit of the selected registry.
    Limit(RegistryLimit),
}

/// How a command matches, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Name,
    Letters(Reverse<u32>),
    Explanation,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    /// Its keys, if it has any.
    pub keys: String,
    pub explanation: String,
    pub run: Run,
}

/// The commands that match `typed`, best first.
#[must_use]
pub fn entries(keys: &Keymap, typed: &str) -> Vec<Entry> {
    let typed = typed.trim().to_lowercase();
    let name = typed.replace('-', " ");
    let mut words = TypedWords::new(&name);
    let mut found: Vec<(Rank, Entry)> = (all(keys).into_iter())
        .filter_map(|entry| Some((rank(&entry, &name, &mut words)?, entry)))
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    let found = found.into_iter().map(|(_, entry)| entry);
    with_number(&typed).into_iter().chain(found).collect()
}

fn entry(name: impl Into<String>, explanation: impl Into<String>, run: Run) -> Entry {
    Entry {
        name: name.into(),
        keys: String::new(),
        explanation: explanation.into(),
        run,
    }
}

/// Commands with a number: `parallel 20`.
fn with_number(typed: &str) -> Option<Entry> {
    let (word, number) = typed.split_once(' ')?;
    let number: u16 = number.trim().parse().ok().filter(|number| *number > 0)?;
    let limit = |limit, explanation: String| {
        let explanation = format!("{explanation} at the selected registry");
        Some(entry(
            format!("{word} {number}"),
            explanation,
            Run::Limit(limit),
        ))
    };
    match word {
        "streams" => limit(RegistryLimit::Streams(number), format!("{number} streams")),
        "requests" => limit(
            RegistryLimit::RequestsPerSecond(Some(number.into())),
            format!("at most {number} requests a second"),
        ),
        "bandwidth" => limit(
            RegistryLimit::BytesPerSecond(Some(u64::from(number) << 20)),
            format!("at most {number} MiB a second"),
        ),
        "parallel" => Some(entry(
            format!("parallel {number}"),
            format!("{number} images at once"),
            Run::Parallel(number),
        )),
        _ => None,
    }
}

fn all(keys: &Keymap) -> Vec<Entry> {
    let is_movement = |action| {
        matches!(
            action,
            Action::Up
                | Action::Down
                | Action::PageUp
                | Action::PageDown
                | Action::First
                | Action::Last
                | Action::Enter
                | Action::Back
                | Action::Palette
        )
    };
    let mut all: Vec<Entry> = (keys.in_mode(Mode::Panes))
        .filter(|binding| !is_movement(binding.action))
        .map(|binding| Entry {
            name: binding.name(),
            keys: binding.keys.join(" "),
            explanation: binding.explanation.replace('`', ""),
            run: Run::Act(binding.action),
        })
        .collect();
    all.extend(Sort::ALL.map(|sort| {
        let explanation = format!("order the images by {}", sort.name());
        entry(
            format!("sort {}", sort.name()),
            explanation,
            Run::Sort(sort),
        )
    }));
    all.extend(StatusFilter::ALL_STATES.map(|show| {
        let explanation = format!("show the images: {}", show.name());
        entry(
            format!("show {}", show.name()),
            explanation,
            Run::Show(show),
        )
    }));
    all.extend(Theme::ALL.map(|theme| {
        let explanation = format!("the {} theme", theme.name());
        entry(
            format!("theme {}", theme.name()),
            explanation,
            Run::Theme(theme),
        )
    }));
    all
}

/// Matches the name itself, letters of the name, or words of the explanation.
fn rank(entry: &Entry, typed: &str, words: &mut TypedWords) -> Option<Rank> {
    let name = entry.name.replace('-', " ");
    if name == typed {
        return Some(Rank::Name);
    }
    match words.score(&name) {
        Some(score) => Some(Rank::Letters(Reverse(score))),
        None => words
            .are_in(&entry.explanation)
            .then_some(Rank::Explanation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(typed: &str) -> Run {
        entries(&Keymap::default(), typed)[0].run.clone()
    }

    #[test]
    fn what_is_typed_finds_the_command_that_is_meant() {
        assert_eq!(first("retry"), Run::Act(Action::Retry));
        assert_eq!(first("retry all"), Run::Act(Action::RetryAllFailed));
        assert_eq!(first("sort si"), Run::Sort(Sort::Size));
        assert_eq!(first("show queued"), Run::Show(StatusFilter::Queued));
        assert_eq!(first("clipboard causes"), Run::Act(Action::CopyFailure));
        assert_eq!(first("raf"), Run::Act(Action::RetryAllFailed));
        assert_eq!(first("srtsz"), Run::Sort(Sort::Size));
    }

    #[test]
    fn a_number_is_part_of_the_command() {
        assert_eq!(first("parallel 20"), Run::Parallel(20));
        assert_eq!(first("streams 3"), Run::Limit(RegistryLimit::Streams(3)));
        assert_eq!(entries(&Keymap::default(), "parallel 0"), []);
    }
}

//! The command palette: every action by its name, and those that need a word or a number.
//!
//! Decides what is offered for what was typed, and in which order; `actions.rs` does it.

use std::cmp::Reverse;

use super::{
    keymap::{Action, Keymap, Mode},
    order::{Sort, StatusFilter},
    theme::Theme,
    typed_words::TypedWords,
};
use crate::batch::RegistryLimit;

/// What a command does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    Act(Action),
    Sort(Sort),
    Show(StatusFilter),
    Theme(Theme),
    /// So many images at once.
    Parallel(u16),
    /// This limit at the selected registry.
    Limit(RegistryLimit),
}

/// How well a command fits, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Name,
    Letters(Reverse<u32>),
    Explanation,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    /// The keys that do the same, if there are any.
    pub keys: String,
    pub says: String,
    pub run: Run,
}

/// The commands that `typed` may mean, best first.
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

fn entry(name: impl Into<String>, says: impl Into<String>, run: Run) -> Entry {
    Entry {
        name: name.into(),
        keys: String::new(),
        says: says.into(),
        run,
    }
}

/// `parallel 20`: a number makes a command of some words.
fn with_number(typed: &str) -> Option<Entry> {
    let (word, number) = typed.split_once(' ')?;
    let number: u16 = number.trim().parse().ok().filter(|number| *number > 0)?;
    let limit = |limit, says: String| {
        let says = format!("{says} at the selected registry");
        Some(entry(format!("{word} {number}"), says, Run::Limit(limit)))
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
    let moves = |action| {
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
        .filter(|binding| !moves(binding.action))
        .map(|binding| Entry {
            name: binding.name(),
            keys: binding.keys.join(" "),
            says: binding.says.replace('`', ""),
            run: Run::Act(binding.action),
        })
        .collect();
    all.extend(Sort::ALL.map(|sort| {
        let says = format!("order the images by {}", sort.word());
        entry(format!("sort {}", sort.word()), says, Run::Sort(sort))
    }));
    all.extend(StatusFilter::CHIPS.map(|show| {
        let says = format!("show the images: {}", show.words());
        entry(format!("show {}", show.words()), says, Run::Show(show))
    }));
    all.extend(Theme::ALL.map(|theme| {
        let says = format!("the {} theme", theme.word());
        entry(format!("theme {}", theme.word()), says, Run::Theme(theme))
    }));
    all
}

/// How well `typed` fits: the name itself, letters of it, words of its explanation.
fn rank(entry: &Entry, typed: &str, words: &mut TypedWords) -> Option<Rank> {
    let name = entry.name.replace('-', " ");
    if name == typed {
        return Some(Rank::Name);
    }
    match words.score(&name) {
        Some(score) => Some(Rank::Letters(Reverse(score))),
        None => words.are_in(&entry.says).then_some(Rank::Explanation),
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
        assert_eq!(first("clipboard chain"), Run::Act(Action::CopyFailure));
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

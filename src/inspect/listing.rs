//! The names that a store lists, sorted.
//!
//! Decides the order. Invariant: entries are valid names, each once; invalid ones are counted and not shown (quirk 26,
//! see registry/quirks.md).

use std::{cmp::Ordering, fmt::Display};

/// Repositories or images, sorted so that `1.9` comes before `1.10`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    pub entries: Vec<T>,
    /// The number of invalid names.
    pub invalid: usize,
}

impl<T: Display> Listing<T> {
    /// Lists what `parse` makes of each name; `None` for an invalid one.
    pub fn of(names: &[String], parse: impl Fn(&str) -> Option<T>) -> Self {
        let parsed: Vec<T> = names.iter().filter_map(|name| parse(name)).collect();
        let invalid = names.len() - parsed.len();
        Self::sorted(parsed, invalid)
    }

    /// Lists `entries`, each once.
    pub fn sorted(entries: Vec<T>, invalid: usize) -> Self {
        let mut named: Vec<(String, T)> = (entries.into_iter())
            .map(|entry| (entry.to_string(), entry))
            .collect();
        named.sort_by(|(a, _), (b, _)| natural(a, b));
        named.dedup_by(|(a, _), (b, _)| a == b);
        Self {
            entries: named.into_iter().map(|(_, entry)| entry).collect(),
            invalid,
        }
    }
}

/// Natural order: digits in a row are compared as one number.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    while !left.is_empty() && !right.is_empty() {
        let (first, second) = (chunk(left), chunk(right));
        (left, right) = (&left[first.len()..], &right[second.len()..]);
        let order = match (number(first), number(second)) {
            (Some(first), Some(second)) => (first.len().cmp(&second.len())).then(first.cmp(second)),
            _ => first.cmp(second),
        };
        if order.is_ne() {
            return order;
        }
    }
    // Equal except for leading zeros: any total order will do.
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// The digits `text` begins with, or what comes before the first digit.
fn chunk(text: &str) -> &str {
    let digit = |c: char| c.is_ascii_digit();
    let end = match text.starts_with(digit) {
        true => text.find(|c| !digit(c)),
        false => text.find(digit),
    };
    &text[..end.unwrap_or(text.len())]
}

fn number(chunk: &str) -> Option<&str> {
    chunk
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| chunk.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Tag;

    fn tags(names: &[&str]) -> (Vec<String>, usize) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let listing = Listing::<Tag>::of(&names, |name| name.parse().ok());
        let entries = listing.entries.iter().map(ToString::to_string).collect();
        (entries, listing.invalid)
    }

    #[test]
    fn versions_are_in_the_order_of_their_numbers() {
        let (sorted, _) = tags(&["1.10", "latest", "1.9", "1", "01.9", "1.9-rc2", "1.9-rc10"]);
        assert_eq!(
            sorted,
            ["1", "01.9", "1.9", "1.9-rc2", "1.9-rc10", "1.10", "latest"]
        );
    }

    #[test]
    fn what_is_no_tag_is_counted_and_left_out() {
        assert_eq!(
            tags(&["a", "\x1b[2J", "sha256:abc", "a"]),
            (vec!["a".into()], 2)
        );
    }

    #[test]
    fn numbers_of_any_length_can_be_compared() {
        let long = "9".repeat(120);
        let (sorted, _) = tags(&[&long, "10"]);
        assert_eq!(sorted, ["10".to_owned(), long]);
    }
}

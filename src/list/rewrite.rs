//! Rules that change destination repositories.
//!
//! Decides what a rule matches: the repository path without registry, tag and destination prefix. It replaces the first
//! match anywhere in it; rules apply in order, each to the result of the one before. Invariant: the replacement only
//! uses groups of the pattern.

use std::{borrow::Cow, ops::Range};

use regex::Regex;

use super::{fields::Fields, mistake::Mistake, reader::Reader, spanned::Str, values};
use crate::oci::Repository;

pub(super) struct Rewrite {
    from: Regex,
    to: String,
    /// The place of `to` in the list.
    at: Range<usize>,
}

impl Rewrite {
    pub(super) fn read(mut fields: Fields) -> Option<Self> {
        let from = fields.read("from", values::anywhere);
        let to = fields.text("to");
        let reader = fields.reader;
        for (key, missing) in [("from", from.is_none()), ("to", to.is_none())] {
            if missing && !fields.had(key) {
                let message = format!("a rewrite needs `{key}`");
                let mistake = Mistake::new(message, fields.at.clone());
                reader.report(mistake.help(fields.shape.example(key)));
            }
        }
        fields.finish();
        let (from, to) = from.zip(to)?;
        let known = check_groups(reader, &from.value, &to);
        known.then(|| Self {
            from: from.value,
            at: to.at,
            to: to.value.into_owned(),
        })
    }

    fn apply<'a>(&self, path: &'a str) -> Cow<'a, str> {
        self.from.replace(path, self.to.as_str())
    }
}

/// The repository after all rules.
pub(super) fn rewritten(
    rewrites: &[Rewrite],
    path: &Repository,
    at: &Range<usize>,
) -> Result<Repository, Mistake> {
    let mut changed: Option<(String, &Rewrite)> = None;
    for rewrite in rewrites {
        let before = changed.as_ref().map_or(path.as_str(), |(path, _)| path);
        let after = rewrite.apply(before);
        if after != before {
            changed = Some((after.into_owned(), rewrite));
        }
    }
    let Some((text, last)) = changed else {
        return Ok(path.clone());
    };
    text.parse().map_err(|error| {
        let message = format!("this image is rewritten to {text:?}: {error}");
        Mistake::new(message, at.clone())
            .and(last.at.clone(), "by this rewrite")
            .help("change the rewrite, or give the image a `to`")
    })
}

/// Reports every group of `to` that `from` does not have: it would silently be empty.
fn check_groups(reader: &Reader, from: &Regex, to: &Str) -> bool {
    let mut known = true;
    for (name, at) in groups(&to.value) {
        let exists = match name.parse::<usize>() {
            Ok(number) => number < from.captures_len(),
            Err(_) => from.capture_names().flatten().any(|group| group == name),
        };
        if exists {
            continue;
        }
        known = false;
        let digits = name.len() - name.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = name.split_at(digits);
        let help = match from.captures_len() - 1 {
            0 => "put the part of `from` that stays into parentheses: ^library/(.*)$".into(),
            _ if !number.is_empty() && !rest.is_empty() => format!("write ${{{number}}}{rest}"),
            1 => "the only group is $1".into(),
            last => format!("the groups are $1 to ${last}"),
        };
        reader.report(
            Mistake::new(
                format!("`from` has no group {name:?}"),
                reader.within(to, at),
            )
            .help(help),
        );
    }
    known
}

/// The groups a replacement refers to, by the rules of `regex::Replacer`.
fn groups(to: &str) -> Vec<(&str, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(dollar) = to[at..].find('$').map(|offset| at + offset) {
        let rest = &to[dollar + 1..];
        let word = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let (name, length) = match rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((name, _)) => (name, name.len() + 2),
            None => (&rest[..word], word),
        };
        if !name.is_empty() {
            found.push((name, dollar..dollar + 1 + length));
        }
        // `$$` is a dollar sign; what follows it is text.
        at = dollar + 1 + length.max(usize::from(rest.starts_with('$')));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_as_the_replacement_will_read_them() {
        let names = |to| {
            groups(to)
                .into_iter()
                .map(|(name, _)| name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names("a/$1/${name}-$2"), ["1", "name", "2"]);
        assert_eq!(names("$1_x"), ["1_x"]);
        assert_eq!(names("$$1 $ ${"), Vec::<&str>::new());
    }
}

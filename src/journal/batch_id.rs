//! The name of a batch: when it was created, the list's name, and four random digits.
//!
//! Invariant: names are lowercase letters, digits and `-`, can be typed, and sort by the time they were made
//! (UTC, so that this holds for machines that share a journal).

use std::path::Path;

use jiff::Timestamp;

use crate::batch::BatchId;

const STEM: usize = 24;

/// For example `20261121-1430-nginx-7f3a`.
pub(super) fn name(made: Timestamp, list: &Path, random: u16) -> BatchId {
    let stem = list.file_stem().unwrap_or_default().to_string_lossy();
    let mut words = String::new();
    for word in stem
        .to_ascii_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        if !words.is_empty() {
            words.push('-');
        }
        words.push_str(word);
    }
    words.truncate(STEM);
    let words = match words.trim_end_matches('-') {
        "" => "batch",
        words => words,
    };
    let made = made.strftime("%Y%m%d-%H%M");
    BatchId(format!("{made}-{words}-{random:04x}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_when_and_what() {
        let made = "2026-11-21T14:30:59Z".parse().unwrap();
        let name = |list: &str| name(made, Path::new(list), 0x7f3).to_string();
        assert_eq!(name("lists/nginx.toml"), "20261121-1430-nginx-07f3");
        assert_eq!(
            name("Team A: été / über__all (2).toml"),
            "20261121-1430-ber-all-2-07f3"
        );
        assert_eq!(name("-"), "20261121-1430-batch-07f3");
        assert_eq!(
            name(&"a-".repeat(40)),
            "20261121-1430-a-a-a-a-a-a-a-a-a-a-a-a-07f3"
        );
    }
}

//! Tag filters of other tools as those of lists.
//!
//! Decides how their regular expressions and version ranges are written; whether the result is one, the list decides.
//! Invariant: a regular expression selects the same tags as in the tool.

/// All tags of a repository.
pub(super) const ALL_TAGS: &str = ".*";

/// Alternatives of a range, at most.
const MAX_RANGES: usize = 100;

/// A regular expression that matches anywhere in a tag, as one that matches all of it.
pub(super) fn anywhere(pattern: &str) -> String {
    let is_whole = pattern.starts_with('^')
        && pattern.ends_with('$')
        && !pattern.ends_with("\\$")
        && !pattern.contains('|');
    match is_whole {
        true => pattern.to_owned(),
        false => format!(".*(?:{pattern}).*"),
    }
}

/// One regular expression for several.
pub(super) fn any_of(patterns: &[&str]) -> String {
    match patterns {
        [one] => (*one).to_owned(),
        several => {
            let groups = several.iter().map(|pattern| format!("(?:{pattern})"));
            groups.collect::<Vec<_>>().join("|")
        }
    }
}

/// A shell pattern of tags as a regular expression.
pub(super) fn glob(pattern: &str) -> String {
    let parts: Vec<String> = pattern.split('*').map(regex_escaped).collect();
    parts.join(".*")
}

fn regex_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if !(character.is_alphanumeric() || matches!(character, '-' | '_')) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// The ranges of a Go program, `>=1.2 <2 || ^3`, as ranges of a list: `>=1.2, <2` and `^3`. `None` if there are too many.
pub(super) fn ranges(text: &str) -> Option<Vec<String>> {
    let alternatives: Vec<&str> = text.split("||").take(MAX_RANGES + 1).collect();
    let ranges = alternatives.iter().map(|alternative| range(alternative));
    (alternatives.len() <= MAX_RANGES).then(|| ranges.collect())
}

fn range(text: &str) -> String {
    if let Some((low, high)) = text.split_once(" - ") {
        return format!(">={}, <={}", without_v(low.trim()), without_v(high.trim()));
    }
    let mut comparators: Vec<String> = Vec::new();
    let mut operator = String::new();
    let words = text.split(|c: char| c == ',' || c.is_whitespace());
    for word in words.filter(|word| !word.is_empty()) {
        let version = word.trim_start_matches(['<', '>', '=', '~', '^', '!']);
        operator.push_str(&word[..word.len() - version.len()]);
        if !version.is_empty() {
            comparators.push(comparator(&std::mem::take(&mut operator), version));
        }
    }
    comparators.join(", ")
}

fn comparator(operator: &str, version: &str) -> String {
    let version = without_v(version);
    let is_wildcard = version.contains(['*', 'x', 'X']);
    // A bare version is exactly that one in Go, and what is compatible with it in Rust.
    let operator = match operator {
        "" | "==" if !is_wildcard => "=",
        "~>" => "~",
        other => other,
    };
    format!("{operator}{version}")
}

fn without_v(version: &str) -> &str {
    version.strip_prefix('v').unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_matches_anywhere_matches_all_with_something_around() {
        assert_eq!(anywhere(r"^1\.13$"), r"^1\.13$");
        assert_eq!(anywhere("^1|2$"), ".*(?:^1|2$).*");
        assert_eq!(anywhere("alpine"), ".*(?:alpine).*");
        assert_eq!(any_of(&["a", "b|c"]), "(?:a)|(?:b|c)");
        assert_eq!(glob("4.1*"), r"4\.1.*");
    }

    #[test]
    fn ranges_of_go_become_ranges_of_rust() {
        for (text, expected) in [
            (">= 3.12.0", &[">=3.12.0"][..]),
            (">=1.31.0 <1.31.9", &[">=1.31.0, <1.31.9"]),
            ("1.2.3 || ^2 || v3.x", &["=1.2.3", "^2", "3.x"]),
            ("1.2 - 2.0", &[">=1.2, <=2.0"]),
            ("~> 1.4, !=1.4.2", &["~1.4", "!=1.4.2"]),
        ] {
            let joined = expected.join(" || ").replace(" || !=", ", !=");
            assert_eq!(ranges(text).unwrap().join(" || "), joined, "{text}");
        }
        assert_eq!(ranges(&"1||".repeat(200)), None);
    }
}

//! Search for typed words, in any order and ignoring case.
//!
//! Decides what matches; callers decide about order and display. Invariant: no typed character has a special meaning.

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{Atom, AtomKind, CaseMatching, Normalization, Pattern},
};

pub struct TypedWords {
    /// Letters in their order, perhaps with gaps.
    fuzzy: Pattern,
    whole: Pattern,
    matcher: Matcher,
    /// A reusable buffer for the searched text.
    text: Vec<char>,
}

impl TypedWords {
    pub fn new(typed: &str) -> Self {
        let pattern = |kind| {
            let word = |word| {
                Atom::new(
                    word,
                    CaseMatching::Ignore,
                    Normalization::Smart,
                    kind,
                    false,
                )
            };
            let mut pattern = Pattern::default();
            pattern.atoms = typed.split_whitespace().map(word).collect();
            pattern
        };
        let mut config = Config::DEFAULT;
        // A match at the beginning of a name is the likelier one.
        config.prefer_prefix = true;
        Self {
            fuzzy: pattern(AtomKind::Fuzzy),
            whole: pattern(AtomKind::Substring),
            matcher: Matcher::new(config),
            text: Vec::new(),
        }
    }

    /// How well the letters of all words match `name`, in their order and perhaps with gaps; higher is better.
    pub fn score(&mut self, name: &str) -> Option<u32> {
        let name = Utf32Str::new(name, &mut self.text);
        self.fuzzy.score(name, &mut self.matcher)
    }

    /// Whether `text` contains every word.
    pub fn are_in(&mut self, text: &str) -> bool {
        let text = Utf32Str::new(text, &mut self.text);
        self.whole.score(text, &mut self.matcher).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_with_gaps_match_a_name_and_no_text() {
        assert!(TypedWords::new("rtf").score("retry all failed").is_some());
        assert!(!TypedWords::new("rtf").are_in("retry all failed"));
        assert!(TypedWords::new("FAILED all").are_in("retry all failed"));
    }

    #[test]
    fn the_beginning_of_a_name_and_letters_without_gaps_match_better() {
        let mut typed = TypedWords::new("sort si");
        assert!(typed.score("sort size") > typed.score("sort destination"));
        let mut typed = TypedWords::new("log");
        assert!(typed.score("log level") > typed.score("to log"));
    }

    #[test]
    fn what_other_programs_take_as_operators_is_text() {
        for typed in ["!", "^all", "failed$", "'all", r"\"] {
            assert!(
                !TypedWords::new(typed).are_in("retry all failed"),
                "{typed}"
            );
        }
        assert!(TypedWords::new("! ").are_in("`!` in front"));
        assert!(TypedWords::new(r"\").are_in(r"a\b"));
        assert!(TypedWords::new("  ").are_in("anything"));
    }
}

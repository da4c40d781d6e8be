//! Makes untrusted text safe to print.
//!
//! Invariant: the result is one line without control, invisible or reordering characters, so it can neither control a
//! terminal nor look like other text.

use std::{borrow::Cow, fmt::Write as _};

/// `text` with line breaks and tabs as spaces and every other dangerous character as `�`.
#[must_use]
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| safe(c) == c) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(safe).collect())
}

/// `text` with JSON escapes for every character that [`sanitize`] would replace, except line breaks and tabs. JSON keeps
/// its meaning.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    let harmless = |c: char| matches!(c, '\n' | '\t') || safe(c) == c;
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if harmless(c) {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    Cow::Owned(escaped)
}

/// The replacement of `c`.
pub(super) fn safe(c: char) -> char {
    match c {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        // Invisible, joining or reordering: soft hyphen, Arabic letter mark, Hangul fillers, Mongolian
        // separators, zero width and bidi controls, variation selectors, annotations, tags.
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_is_borrowed() {
        assert!(matches!(
            sanitize("team/api:1.2 größer 画像"),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn escape_sequences_lose_their_escape() {
        assert_eq!(sanitize("\x1b[2J\x1b]52;c;aGk=\x07"), "�[2J�]52;c;aGk=�");
        assert_eq!(sanitize("\u{9b}31m"), "�31m");
    }

    #[test]
    fn text_cannot_be_reordered_or_hidden() {
        assert_eq!(
            sanitize("a\u{202e}b\u{2066}c\u{200b}d\u{e0041}"),
            "a�b�c�d�"
        );
    }

    #[test]
    fn many_lines_become_one() {
        assert_eq!(sanitize("a\r\nb\tc\u{2028}d"), "a  b c d");
    }
}

//! Removes secrets from what skopeo prints.
//!
//! Decides what may be one: user info and query values of URLs, and what follows the name of an authentication scheme.
//! Invariant: the text is otherwise unchanged.

const MASK: &str = "***";

/// Query parameters of registries whose values may be shown.
const HARMLESS: [&str; 7] = ["digest", "mount", "from", "n", "last", "scope", "service"];
/// Authentication schemes (RFC 9110 section 11.1) that are followed by credentials.
const SCHEMES: [&str; 2] = ["bearer", "basic"];
/// A shorter word after a scheme's name is a word.
const MIN_CREDENTIALS: usize = 16;

/// `text` with `***` in place of secrets.
pub(super) fn redact(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut after_scheme = false;
    for word in words(text) {
        let is_scheme = SCHEMES.iter().any(|name| word.eq_ignore_ascii_case(name));
        if after_scheme && word.len() >= MIN_CREDENTIALS && word.bytes().all(is_token) {
            redacted += MASK;
        } else {
            redact_word(word, &mut redacted);
        }
        // Space between two words keeps what the first one says.
        after_scheme = is_scheme || (after_scheme && word.trim().is_empty());
    }
    redacted
}

/// The words of `text`, and what separates them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(is_separator).flat_map(|piece| {
        let end = piece.char_indices().next_back();
        let at = match end {
            Some((at, c)) if is_separator(c) => at,
            Some(_) | None => piece.len(),
        };
        let (word, separator) = piece.split_at(at);
        [word, separator]
            .into_iter()
            .filter(|part| !part.is_empty())
    })
}

/// Ends a URL in a sentence.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '\\' | '`')
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=,;".contains(&byte)
}

fn redact_word(word: &str, redacted: &mut String) {
    let Some(start) = word.find("://").map(|at| at + "://".len()) else {
        redacted.push_str(word);
        return;
    };
    let (scheme, rest) = word.split_at(start);
    redacted.push_str(scheme);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    redacted.push_str(
        authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host),
    );
    let Some((path, query)) = rest.split_once('?') else {
        redacted.push_str(rest);
        return;
    };
    redacted.push_str(path);
    for (number, pair) in query.split('&').enumerate() {
        redacted.push(if number == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((key, _)) if HARMLESS.contains(&key) => redacted.push_str(pair),
            Some((key, _)) => {
                redacted.push_str(key);
                redacted.push('=');
                redacted.push_str(MASK);
            }
            None => redacted.push_str(MASK),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn urls_lose_user_info_and_what_signs_them() {
        assert_eq!(
            redact(
                "Get \"https://me:pass@r.example/v2/a/blobs/x?X-Amz-Signature=abc&digest=sha256:1&tok\": EOF"
            ),
            "Get \"https://r.example/v2/a/blobs/x?X-Amz-Signature=***&digest=sha256:1&***\": EOF"
        );
    }

    #[test]
    fn credentials_after_a_scheme_are_masked_and_words_are_not() {
        assert_eq!(
            redact("Authorization: Bearer eyJhbGciOiJFUzI1NiJ9.e30.c2ln, basic authentication"),
            "Authorization: Bearer *** basic authentication"
        );
    }

    proptest! {
        #[test]
        fn text_without_urls_is_unchanged(text in "[a-z0-9 .,:'\"=?&@/-]{0,60}") {
            prop_assume!(!text.contains("://") && !SCHEMES.iter().any(|name| text.contains(name)));
            prop_assert_eq!(redact(&text), text);
        }

        #[test]
        fn no_password_is_left(password in "[A-Za-z0-9%@:]{4,20}", path in "[a-z/]{0,10}") {
            let text = format!("ping https://user:S{password}E@h.example/{path}: refused");
            prop_assert_eq!(redact(&text), format!("ping https://h.example/{path}: refused"));
        }
    }
}

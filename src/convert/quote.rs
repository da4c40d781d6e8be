//! Text of an input inside a comment.
//!
//! Decides how much of it is shown. Invariant: a password in an address is not.

const MAX_CHARACTERS: usize = 120;

/// `text` in quotes, shortened.
pub(super) fn quote(text: &str) -> String {
    let text = without_user(text);
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("\"{}…\"", &text[..end]),
        None => format!("\"{text}\""),
    }
}

/// `https://user:password@host/` as `https://***@host/`.
fn without_user(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    let authority = text[start..].split('/').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, _)) if user.contains(':') && start > 0 => {
            format!("{}***{}", &text[..start], &text[start + user.len()..])
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        assert_eq!(
            quote("https://me:s3cret@a.example/x"),
            "\"https://***@a.example/x\""
        );
        assert_eq!(
            quote("a.example/x:1@sha256:0"),
            "\"a.example/x:1@sha256:0\""
        );
    }

    #[test]
    fn long_text_is_shortened_between_characters() {
        let quoted = quote(&"ü".repeat(500));
        assert_eq!(quoted.chars().count(), MAX_CHARACTERS + 3);
    }
}

//! Checks a page without a browser: every element is closed where it should be, and nothing is loaded or run.

use html5gum::{Token, Tokenizer};

/// Elements that have no end.
const VOID: [&[u8]; 2] = [b"meta", b"br"];
/// What would load or run something.
const FORBIDDEN: [&[u8]; 9] = [
    b"script", b"link", b"img", b"iframe", b"object", b"embed", b"image", b"use", b"a",
];

#[track_caller]
pub fn check_tags(page: &str) {
    let mut open: Vec<Vec<u8>> = Vec::new();
    let name = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    for Ok(token) in Tokenizer::new(page) {
        match token {
            Token::StartTag(tag) => {
                let tag_name = tag.name.0;
                assert!(!FORBIDDEN.contains(&&*tag_name), "{}", name(&tag_name));
                for attribute in tag.attributes.keys() {
                    let attribute = &*attribute.0;
                    let is_harmless = !attribute.starts_with(b"on")
                        && !matches!(attribute, b"src" | b"href" | b"style");
                    assert!(is_harmless, "{}", name(attribute));
                }
                if !VOID.contains(&&*tag_name) {
                    open.push(tag_name);
                }
            }
            Token::EndTag(tag) => {
                let last = open.pop().unwrap_or_default();
                assert_eq!(name(&last), name(&tag.name.0), "below {open:?}");
            }
            Token::Error(error) => panic!("{}", error.value),
            Token::String(_) | Token::Comment(_) | Token::Doctype(_) => {}
        }
    }
    assert!(open.is_empty(), "{open:?}");
    // The style, too.
    for loads in ["url(", "@import", "@font-face"] {
        assert!(!page.contains(loads), "{loads}");
    }
}

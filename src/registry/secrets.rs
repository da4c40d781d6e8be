//! The secrets of a request, masked in URLs and in texts of servers.
//!
//! Decides what is a secret: the `Authorization` header and its parts, form fields, cookies, and query values that sign
//! or authorize. Invariant: a secret that a server repeats, plain or percent-encoded, whole or cut off at the end, is
//! `***` before it becomes part of an error.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use reqwest::header::HeaderValue;
use url::Url;

const MASK: &str = "***";
/// Shorter cookies and query values are numbers or words, not secrets.
const MIN_OPAQUE_BYTES: usize = 8;
/// Shorter beginnings of a secret at the end of a text are not masked.
const MIN_PART_BYTES: usize = 4;

/// The query parameters whose values may be shown.
const HARMLESS: [&str; 8] = [
    "digest",
    "mount",
    "from",
    "n",
    "last",
    "scope",
    "service",
    "artifactType",
];

/// Longest first, so that a secret that contains another is masked as a whole.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// The secrets of a request to `url` with this header.
    pub(super) fn of(url: &Url, authorization: Option<&HeaderValue>) -> Self {
        let mut secrets = Self::default().and_url(url);
        let authorization = authorization.map(|value| String::from_utf8_lossy(value.as_bytes()));
        if let Some((_, secret)) = authorization
            .as_deref()
            .and_then(|text| text.split_once(' '))
        {
            secrets.add(secret);
            let pair = BASE64_STANDARD.decode(secret).unwrap_or_default();
            if let Some((_, password)) = String::from_utf8_lossy(&pair).split_once(':') {
                secrets.add(password);
            }
        }
        secrets
    }

    /// Adds the secrets of another URL.
    pub(super) fn and_url(mut self, url: &Url) -> Self {
        self.add(url.password().unwrap_or_default());
        for pair in url.query().into_iter().flat_map(|query| query.split('&')) {
            match pair.split_once('=') {
                Some((key, _)) if is_harmless(key) => {}
                Some((_, value)) => self.add_opaque(value),
                None => self.add_opaque(pair),
            }
        }
        self
    }

    /// Adds the values of a `Cookie` header.
    pub(super) fn and_cookies(mut self, cookies: &HeaderValue) -> Self {
        let cookies = String::from_utf8_lossy(cookies.as_bytes());
        for cookie in cookies.split(';') {
            self.add_opaque(cookie.split_once('=').map_or(cookie, |(_, value)| value));
        }
        self
    }

    /// Adds a secret that was sent in a form.
    pub(super) fn and(mut self, secret: &str) -> Self {
        self.add(secret);
        self
    }

    /// `text` without the secrets.
    pub(super) fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for secret in &self.0 {
            if masked.contains(secret) {
                masked = masked.replace(secret, MASK);
            }
        }
        let parts = self.0.iter().filter_map(|secret| cut_off(&masked, secret));
        if let Some(part) = parts.max() {
            masked.truncate(masked.len() - part);
            masked.push_str(MASK);
        }
        masked
    }

    fn add_opaque(&mut self, value: &str) {
        if value.trim().len() >= MIN_OPAQUE_BYTES {
            self.add(value);
        }
    }

    fn add(&mut self, secret: &str) {
        let secret = secret.trim();
        let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
        let decoded = percent_decode_str(secret).decode_utf8_lossy().into_owned();
        for form in [secret.to_owned(), encoded, decoded] {
            if !form.is_empty() && !self.0.contains(&form) {
                self.0.push(form);
            }
        }
        self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }
}

/// The number of bytes at the end of `text` that are the beginning of `secret`.
fn cut_off(text: &str, secret: &str) -> Option<usize> {
    let ends = secret.char_indices().map(|(end, _)| end);
    ends.filter(|end| *end >= MIN_PART_BYTES && text.ends_with(&secret[..*end]))
        .max()
}

/// Whether the values of this query parameter may be shown.
pub(super) fn is_harmless(key: &str) -> bool {
    HARMLESS.contains(&key)
}

/// `url` without user info and fragment, and with masked query values unless they are known to be harmless.
pub(super) fn redacted(url: &Url) -> String {
    let mut shown = url.clone();
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.set_fragment(None);
    // Not decoded, because decoded text may hold control characters.
    let query: Vec<String> = url
        .query()
        .into_iter()
        .flat_map(|query| query.split('&'))
        .map(|pair| match pair.split_once('=') {
            Some((key, _)) if is_harmless(key) => pair.into(),
            Some((key, _)) => format!("{key}=***"),
            None => "***".into(),
        })
        .collect();
    match query.is_empty() {
        true => shown.into(),
        false => format!("{shown}?{}", query.join("&")),
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(text: &str) -> HeaderValue {
        HeaderValue::from_str(text).unwrap()
    }

    #[test]
    fn everything_a_request_is_authorized_with_is_masked() {
        let url =
            "https://r.example/v2/a/blobs/uploads/1?_state=c3RhdGUtb2Y%3D&digest=sha256:1&n=1";
        let basic = BASE64_STANDARD.encode("me:p w+/");
        let secrets = Secrets::of(
            &url.parse().unwrap(),
            Some(&header(&format!("Basic {basic}"))),
        )
        .and_cookies(&header("replica=sticky-to-3; a=1"))
        .and("form/secret");
        let text = format!(
            "Basic {basic} is me:p w+/ or p%20w%2B%2F; c3RhdGUtb2Y%3D or c3RhdGUtb2Y=; sticky-to-3 a=1; \
             sha256:1; form%2Fsecret; form/sec"
        );
        assert_eq!(
            secrets.mask(&text),
            "Basic *** is me:*** or ***; *** or ***; *** a=1; sha256:1; ***; ***"
        );
    }

    #[test]
    fn urls_lose_what_signs_them() {
        let url =
            "https://u:p@h.example/v2/a/blobs/x?X-Amz-Signature=abc&digest=sha256:1&n=%1b&t#t";
        let shown = redacted(&url.parse().unwrap());
        assert_eq!(
            shown,
            "https://h.example/v2/a/blobs/x?X-Amz-Signature=***&digest=sha256:1&n=%1b&***"
        );
    }

    proptest! {
        #[test]
        fn no_token_is_left_in_any_text(
            before in ".{0,20}",
            token in "[A-Za-z0-9._-]{8,40}",
            after in ".{0,20}",
            cut in 4..40usize,
        ) {
            let url = "https://r.example/v2/".parse().unwrap();
            let secrets = Secrets::of(&url, Some(&header(&format!("Bearer {token}"))));
            let masked = secrets.mask(&format!("{before}{token}{after}"));
            prop_assert!(!masked.contains(&token), "{masked}");
            let part = &token[..cut.min(token.len())];
            let masked = secrets.mask(&format!("{before}{part}"));
            prop_assert!(!masked.contains(part) || before.contains(part), "{masked}");
        }
    }
}

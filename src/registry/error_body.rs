//! The body of an error answer: the JSON document of distribution-spec "Error Codes", or text.
//!
//! Decides how much of it is read and what of it is shown. Invariant: no secret of the request and no control
//! character is in the result.

use std::time::Duration;

use reqwest::Response;
use serde::Deserialize;
use tokio::time::Instant;

use super::secrets::Secrets;

const MAX_BODY_BYTES: usize = 64 * 1024;

/// Reads up to [`MAX_BODY_BYTES`] that arrive within `time`. A body that breaks off ends there.
pub(super) async fn read_limited(mut response: Response, time: Duration) -> Vec<u8> {
    let deadline = Instant::now() + time;
    let mut body = Vec::new();
    while let Ok(Ok(Some(chunk))) = tokio::time::timeout_at(deadline, response.chunk()).await {
        body.extend_from_slice(&chunk);
        if body.len() >= MAX_BODY_BYTES {
            body.truncate(MAX_BODY_BYTES);
            break;
        }
    }
    body
}

/// Code and message of the first error in the document, or a plain text as the message. The `secrets` of the
/// request are masked.
pub(super) fn parse(body: &[u8], secrets: &Secrets) -> (Option<String>, Option<String>) {
    #[derive(Deserialize)]
    struct Document {
        errors: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        code: Option<String>,
        message: Option<String>,
        #[serde(default)]
        detail: serde_json::Value,
    }
    // Masked before anything is cut off or replaced.
    let text = |text: String| Some(clean(&secrets.mask(&text))).filter(|text| !text.is_empty());
    match serde_json::from_slice::<Document>(body) {
        Ok(Document { errors }) => match errors.into_iter().next() {
            Some(Entry {
                code,
                message,
                detail,
            }) => {
                // Docker's registry puts the real reason into `detail` and a constant into `message`.
                let message = match (message, detail.as_str()) {
                    (Some(message), Some(detail)) => Some(format!("{message}: {detail}")),
                    (None, Some(detail)) => Some(detail.into()),
                    (message, None) => message,
                };
                (code.and_then(text), message.and_then(text))
            }
            None => (None, None),
        },
        // An HTML page says nothing an operator could act on.
        Err(_) if body.trim_ascii_start().starts_with(b"<") => (None, None),
        Err(_) => (None, text(String::from_utf8_lossy(body).into_owned())),
    }
}

/// One line of at most 300 characters, without control characters.
fn clean(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect();
    line.trim().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_documents_text_and_pages_are_told_apart() {
        let none = Secrets::default();
        let document =
            br#"{"errors":[{"code":"DENIED","message":"no","detail":"quota\u001b[2J"}]}"#;
        assert_eq!(
            parse(document, &none),
            (Some("DENIED".into()), Some("no: quota [2J".into()))
        );
        assert_eq!(parse(b"slow down", &none), (None, Some("slow down".into())));
        let page = parse(b"\n<html>busy</html>", &none);
        assert_eq!(page, (None, None));
        assert_eq!(parse(b"", &none), (None, None));
    }
}

//! One entry of a credentials file.
//!
//! Decides which of its fields are used: a registry token, an identity token, or user and password in one field or two.
//! Invariant: an unreadable entry is no credential, never a partial one.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::Value;

use crate::registry::Credential;

const BASE64_LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The credential of an entry; `None` if it has none, for example the placeholder of a helper.
pub(super) fn credential(entry: &Value) -> Option<Credential> {
    let field = |name: &str| entry.get(name)?.as_str().filter(|text| !text.is_empty());
    if let Some(token) = field("registrytoken") {
        return Some(Credential::Token(token.into()));
    }
    let pair = match field("auth") {
        Some(auth) => decode(auth),
        None => field("username").map(|username| {
            (
                username.into(),
                field("password").unwrap_or_default().into(),
            )
        }),
    };
    if let Some(token) = field("identitytoken") {
        return Some(Credential::Identity {
            username: pair.map(|(username, _)| username).unwrap_or_default(),
            token: token.into(),
        });
    }
    let (username, password) = pair.filter(|(_, password)| !password.is_empty())?;
    Some(Credential::Basic {
        username,
        password: password.into(),
    })
}

fn decode(auth: &str) -> Option<(String, String)> {
    let decoded = BASE64_LENIENT.decode(auth.trim()).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (username, password) = decoded.split_once(':')?;
    // Docker pads with zeros (cli/config/configfile `decodeAuth`).
    Some((username.into(), password.trim_matches('\0').into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn basic(username: &str, password: &str) -> Option<Credential> {
        Some(Credential::Basic {
            username: username.into(),
            password: password.into(),
        })
    }

    #[test]
    fn user_and_password_are_one_field_or_two() {
        let pair = |auth: &str| credential(&json!({ "auth": auth }));
        assert_eq!(pair("dXNlcjpwYTpzcw=="), basic("user", "pa:ss"));
        assert_eq!(pair("dXNlcjpwYTpzcw"), basic("user", "pa:ss"));
        assert_eq!(pair("dTpwAAA="), basic("u", "p"));
        let two = json!({ "username": "u", "password": "p" });
        assert_eq!(credential(&two), basic("u", "p"));
        for nothing in ["", "dTo=", "bm90aGluZw==", "%%%"] {
            assert_eq!(pair(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn tokens_come_before_passwords() {
        // As `az acr login` leaves it.
        let entry = json!({ "auth": "MDAwMDo=", "identitytoken": "t" });
        let (username, token) = ("0000".into(), "t".into());
        assert_eq!(
            credential(&entry),
            Some(Credential::Identity { username, token })
        );
        let entry = json!({ "auth": "dTpw", "registrytoken": "t" });
        assert_eq!(credential(&entry), Some(Credential::Token("t".into())));
    }
}

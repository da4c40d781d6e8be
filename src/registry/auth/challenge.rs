//! Challenges: which authorization a 401 asks for (RFC 7235 `WWW-Authenticate`).
//!
//! Decides which of several challenges is answered: Bearer before Basic, in any order. Invariant: the redirect
//! policy allows the realm of a [`Scheme`], because credentials are sent there (quirk 35, see registry/quirks.md).

use http_auth::{ChallengeRef, parser::ChallengeParser};
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use url::Url;

use crate::registry::redirect_policy::{RedirectError, RedirectPolicy};

/// How a server wants requests to be authorized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Open,
    Basic,
    Bearer {
        realm: Url,
        service: Option<String>,
        /// The scope that the refused request needs.
        scope: Option<String>,
    },
}

/// The challenge to answer, if there is one.
pub(super) fn parse(
    headers: &HeaderMap,
    requested: &Url,
    policy: &RedirectPolicy,
) -> Result<Option<Scheme>, RedirectError> {
    let mut found = None;
    for header in headers.get_all(WWW_AUTHENTICATE) {
        let Ok(text) = header.to_str() else {
            continue;
        };
        // Challenges before a syntax error count.
        for challenge in ChallengeParser::new(text).map_while(Result::ok) {
            if challenge.scheme.eq_ignore_ascii_case("bearer") {
                let Some(realm) = parameter(&challenge, "realm").filter(|realm| !realm.is_empty())
                else {
                    continue;
                };
                return Ok(Some(Scheme::Bearer {
                    realm: policy.resolve(requested, &realm)?,
                    service: parameter(&challenge, "service"),
                    scope: parameter(&challenge, "scope"),
                }));
            } else if challenge.scheme.eq_ignore_ascii_case("basic") {
                found = Some(Scheme::Basic);
            }
        }
    }
    Ok(found)
}

fn parameter(challenge: &ChallengeRef<'_>, name: &str) -> Option<String> {
    let mut parameters = challenge.params.iter();
    parameters
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.to_unescaped())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    use super::*;

    fn read_all(challenges: &[&[u8]]) -> Result<Option<Scheme>, RedirectError> {
        let mut headers = HeaderMap::new();
        for challenge in challenges {
            if let Ok(value) = HeaderValue::from_bytes(challenge) {
                headers.append(WWW_AUTHENTICATE, value);
            }
        }
        let base: Url = "https://r.example/v2/".parse().unwrap();
        parse(&headers, &base, &RedirectPolicy::new(base.clone(), false))
    }

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Scheme {
        Scheme::Bearer {
            realm: realm.parse().unwrap(),
            service: service.map(Into::into),
            scope: scope.map(Into::into),
        }
    }

    #[test]
    fn bearer_comes_before_basic() {
        let challenge =
            br#"Basic realm="x", Bearer realm="https://auth.example/token",service="r""#;
        let expected = bearer("https://auth.example/token", Some("r"), None);
        assert_eq!(read_all(&[challenge]).unwrap(), Some(expected));
    }

    #[test]
    fn scheme_and_parameters_are_read_in_any_case_and_quoting() {
        let challenge =
            br#"bEARER Realm="https://auth.example/t\"x",SCOPE="repository:a:pull,push""#;
        let expected = bearer(
            "https://auth.example/t%22x",
            None,
            Some("repository:a:pull,push"),
        );
        assert_eq!(
            read_all(&[b"Negotiate", challenge]).unwrap(),
            Some(expected)
        );
    }

    #[test]
    fn a_relative_realm_is_the_registrys_own() {
        let expected = bearer("https://r.example/token", None, None);
        assert_eq!(
            read_all(&[br#"Bearer realm="/token""#]).unwrap(),
            Some(expected)
        );
    }

    #[test]
    fn what_stands_before_a_syntax_error_counts() {
        let challenge = br#"Basic realm="x", Bearer realm=https://unquoted.example"#;
        assert_eq!(read_all(&[challenge]).unwrap(), Some(Scheme::Basic));
        assert_eq!(read_all(&[br#"Bearer realm="""#]).unwrap(), None);
        assert_eq!(read_all(&[]).unwrap(), None);
    }

    #[test]
    fn quirk_35_a_realm_at_a_private_address_is_refused() {
        for realm in [
            "http://169.254.169.254/latest",
            "https://10.0.0.1/token",
            "file:///x",
        ] {
            let challenge = format!("Bearer realm=\"{realm}\"");
            assert!(read_all(&[challenge.as_bytes()]).is_err(), "{realm}");
        }
    }

    /// Pieces of challenges in any order.
    fn any_challenge() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            4 => prop::sample::select(vec![
                "Bearer ", "Basic ", "realm=", "service=", "scope=", "\"", ", ", ",", "=", "\\", " ",
                "realm=\"https://auth.example/t\"", "realm=\"http://10.0.0.1/t\"", "//", "Negotiate abc=", "/token",
            ]).prop_map(str::to_owned),
            1 => "[ -~]{0,12}",
        ];
        proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_panic(header in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_all(&[&header]);
        }

        #[test]
        fn no_challenge_leads_inside(first in any_challenge(), second in any_challenge()) {
            if let Ok(Some(Scheme::Bearer { realm, .. })) = read_all(&[first.as_bytes(), second.as_bytes()]) {
                prop_assert!(realm.scheme() == "https" && realm.host_str() != Some("10.0.0.1"), "{realm}");
            }
        }

        #[test]
        fn a_challenge_as_it_should_be_is_read_exactly(
            service in proptest::option::of("[ -~&&[^\"\\\\]]{0,20}"),
            scope in proptest::option::of("repository:[a-z/]{1,20}:(pull|pull,push)"),
            path in "/[a-z]{0,10}",
        ) {
            let realm = format!("https://auth.example{path}");
            let mut challenge = format!("Bearer realm=\"{realm}\"");
            for (name, value) in [("service", &service), ("scope", &scope)] {
                if let Some(value) = value {
                    challenge += &format!(",{name}=\"{value}\"");
                }
            }
            let expected = bearer(&realm, service.as_deref(), scope.as_deref());
            prop_assert_eq!(read_all(&[challenge.as_bytes()]).unwrap(), Some(expected));
        }

        #[test]
        fn any_realm_is_read_without_panic(realm in ".{0,80}", rest in "[ -~]{0,40}") {
            let _ = read_all(&[format!("Bearer realm=\"{realm}\",{rest}").as_bytes()]);
        }
    }
}

//! Advice for connections that fail because of the configuration.
//!
//! Decides which failures are configuration errors, which no retry can fix; all others are network errors. Invariant:
//! the decision depends on the kind of an error, never on its text.

use rustls::{AlertDescription, CertificateError};

use crate::registry::{
    connection::{find, network},
    error::ErrorCause,
    private_network::PrivateRedirect,
};

/// The cause of a request without an answer.
pub(in crate::registry) fn unreached(error: reqwest::Error) -> ErrorCause {
    if let Some(redirect) = find::<PrivateRedirect>(&error) {
        return ErrorCause::Protocol(redirect.to_string());
    }
    match find::<rustls::Error>(&error).and_then(advice) {
        Some(advice) => ErrorCause::Configuration(advice),
        // A TLS server answers plain HTTP with an alert, which is no HTTP.
        None if is_plain(&error) && speaks_no_http(&error) => plain_advice(),
        None => network(error),
    }
}

/// The cause of a 400 whose body says that TLS was expected, as Go, nginx and Apache write it.
pub(in crate::registry) fn answered_plain(body: &[u8]) -> Option<ErrorCause> {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    let expected = [
        "http request to an https server",
        "plain http request was sent to https port",
        "speaking plain http to an ssl-enabled server port",
    ];
    let expects = expected.iter().any(|words| text.contains(words));
    expects.then(plain_advice)
}

fn plain_advice() -> ErrorCause {
    ErrorCause::Configuration("it speaks TLS, not plain HTTP; set plain-http = false".into())
}

fn is_plain(error: &reqwest::Error) -> bool {
    error.url().is_some_and(|url| url.scheme() == "http")
}

fn speaks_no_http(error: &reqwest::Error) -> bool {
    find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse)
}

fn advice(error: &rustls::Error) -> Option<String> {
    use rustls::Error as Tls;
    Some(match error {
        Tls::InvalidCertificate(problem) => certificate(problem),
        Tls::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
            "it does not speak TLS; if it is meant to be unencrypted, set plain-http = true".into()
        }
        Tls::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied,
        ) => "it requires a client certificate, or another one; \
              set client-certificate and client-key"
            .into(),
        Tls::AlertReceived(AlertDescription::ProtocolVersion) => {
            "it supports only TLS versions before 1.2, which are insecure".into()
        }
        _ => return None,
    })
}

fn certificate(problem: &CertificateError) -> String {
    let verify = "verify = false turns the check off";
    match problem {
        // A bad signature means that the authority was recreated under the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "its certificate is from an authority that this machine does not trust; \
             set ca-file to that authority's certificate ({verify})"
        ),
        CertificateError::NotValidForName => {
            format!("its certificate is for another name ({verify})")
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<String> = presented.iter().take(5).map(|name| bare(name)).collect();
            match names.is_empty() {
                true => format!("its certificate has no subject alternative name ({verify})"),
                false => format!("its certificate is for {} ({verify})", names.join(", ")),
            }
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => format!(
            "its certificate has expired; renew it, or correct this machine's clock ({verify})"
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("its certificate is not valid yet; correct this machine's clock ({verify})")
        }
        other => format!(
            "its certificate is not valid: {} ({verify})",
            sanitized(&other.to_string())
        ),
    }
}

/// The name inside `DnsName("a.example")` or `IpAddress(192.0.2.1)`.
fn bare(name: &str) -> String {
    let inner = name
        .split_once('(')
        .and_then(|(_, name)| name.strip_suffix(')'));
    sanitized(inner.unwrap_or(name).trim_matches('"'))
}

/// A name of an untrusted certificate, without control characters.
fn sanitized(text: &str) -> String {
    let text = text.chars().filter(|c| !c.is_control());
    text.take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_is_not_trusted_says_which_key_to_set() {
        assert!(certificate(&CertificateError::UnknownIssuer).contains("ca-file"));
        assert!(certificate(&CertificateError::Expired).contains("expired"));
    }

    #[test]
    fn the_names_of_a_certificate_are_shown_bare() {
        let names = ["DnsName(\"a.example\")", "IpAddress(192.0.2.1)"];
        let other = CertificateError::NotValidForNameContext {
            expected: "b.example".try_into().unwrap(),
            presented: names.map(Into::into).into(),
        };
        let text = certificate(&other);
        assert!(
            text.starts_with("its certificate is for a.example, 192.0.2.1 ("),
            "{text}"
        );
    }

    #[test]
    fn names_in_a_certificate_cannot_control_the_terminal() {
        let name = rustls::pki_types::ServerName::try_from("r.example").unwrap();
        let problem = CertificateError::NotValidForNameContext {
            expected: name,
            presented: vec!["DnsName(\"evil\u{1b}[2J\")".into()],
        };
        assert!(!certificate(&problem).contains('\u{1b}'));
    }
}

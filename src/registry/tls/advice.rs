//! What to do about a connection that could not be made.
//!
//! Decides which failures come from how the registry is configured, so that trying again is no use; the
//! others stay network errors. Invariant: only the kind of an error is looked at, never its words.

use rustls::{AlertDescription, CertificateError};

use crate::registry::{
    connection::{find, network},
    error::ErrorCause,
    private_network::LedInside,
};

/// The cause of a request that got no answer.
pub(in crate::registry) fn unreached(error: reqwest::Error) -> ErrorCause {
    if let Some(inside) = find::<LedInside>(&error) {
        return ErrorCause::Protocol(inside.to_string());
    }
    match find::<rustls::Error>(&error).and_then(advice) {
        Some(advice) => ErrorCause::Configuration(advice),
        // A TLS server answers with an alert, which is no HTTP.
        None if is_plain(&error) && speaks_no_http(&error) => plain_advice(),
        None => network(error),
    }
}

/// The cause of a 400 to plain HTTP that says in its body that TLS was expected: Go's, nginx's, Apache's.
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
    ErrorCause::Configuration("it speaks TLS, not plain HTTP; write plain-http = false".into())
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
            "it does not speak TLS; if it is meant to be unencrypted, write plain-http = true"
                .into()
        }
        Tls::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied,
        ) => "it wants another client certificate, or one at all; \
              write client-certificate and client-key"
            .into(),
        Tls::AlertReceived(AlertDescription::ProtocolVersion) => {
            "it speaks only TLS older than 1.2, which nobody should trust".into()
        }
        _ => return None,
    })
}

fn certificate(problem: &CertificateError) -> String {
    let verify = "verify = false does without any check";
    match problem {
        // A bad signature is that of an authority made anew under its old name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "its certificate is from an authority this machine does not know; \
             name that authority's file with ca-file ({verify})"
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
            "its certificate has expired; renew it, or set this machine's clock right ({verify})"
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("its certificate is not valid yet; set this machine's clock right ({verify})")
        }
        other => format!(
            "its certificate is not valid: {} ({verify})",
            shown(&other.to_string())
        ),
    }
}

/// `DnsName("a.example")` and `IpAddress(192.0.2.1)` without what is around them.
fn bare(name: &str) -> String {
    let inner = name
        .split_once('(')
        .and_then(|(_, name)| name.strip_suffix(')'));
    shown(inner.unwrap_or(name).trim_matches('"'))
}

/// A name out of a certificate that nobody vouched for.
fn shown(text: &str) -> String {
    let text = text.chars().filter(|c| !c.is_control());
    text.take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_is_not_trusted_says_which_key_to_write() {
        assert!(certificate(&CertificateError::UnknownIssuer).contains("ca-file"));
        assert!(certificate(&CertificateError::Expired).contains("expired"));
    }

    #[test]
    fn the_names_a_certificate_is_for_are_told_bare() {
        let names = ["DnsName(\"a.example\")", "IpAddress(192.0.2.1)"];
        let other = CertificateError::NotValidForNameContext {
            expected: "b.example".try_into().unwrap(),
            presented: names.map(Into::into).into(),
        };
        let told = certificate(&other);
        assert!(
            told.starts_with("its certificate is for a.example, 192.0.2.1 ("),
            "{told}"
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

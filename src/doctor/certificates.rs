//! What the certificates of a registry say: for whom, from whom, and for how long.
//!
//! Decides when a certificate ends too soon; whether it is trusted is decided by the connection. Invariant: certificates
//! that cannot be parsed are a finding, not an error.

use jiff::Timestamp;
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, prelude::FromDer as _, x509::X509Name,
};

use super::{Check, Finding, Measured};
use crate::present::count;

/// Renewals are due before this many days.
const SOON: i64 = 14;
const DAY: i64 = 24 * 60 * 60;
/// Names that are listed.
const MAX_NAMES: usize = 3;

/// The certificates of one handshake.
#[derive(Debug, PartialEq, Eq)]
struct Chain {
    /// Whom the first one is for.
    names: Vec<String>,
    /// Who signed each of them.
    signers: Vec<String>,
    is_self_signed: bool,
    /// The first day on which one of them is no longer valid.
    ends: Timestamp,
}

impl Chain {
    /// `None` if one cannot be parsed, or there is none.
    fn parse(chain: &[Vec<u8>]) -> Option<Self> {
        let parsed: Vec<X509Certificate<'_>> = (chain.iter())
            .map(|der| {
                X509Certificate::from_der(der)
                    .ok()
                    .map(|(_, parsed)| parsed)
            })
            .collect::<Option<_>>()?;
        let server = parsed.first()?;
        let mut signers: Vec<String> = parsed.iter().map(|one| name(one.issuer())).collect();
        signers.dedup();
        let ends = parsed
            .iter()
            .map(|one| one.validity().not_after.timestamp());
        Some(Self {
            names: names(server),
            signers,
            is_self_signed: server.issuer().as_raw() == server.subject().as_raw(),
            ends: Timestamp::from_second(ends.min()?).ok()?,
        })
    }

    /// `for b.example, signed by R11 (ISRG Root X1)`.
    fn text(&self) -> String {
        let more = self.names.len().saturating_sub(MAX_NAMES);
        let mut names = self.names[..self.names.len() - more].join(", ");
        if more > 0 {
            names += &format!(" and {}", count(more, "other name"));
        }
        let signed = match (self.is_self_signed, &self.signers[..]) {
            (true, _) | (false, []) => "signed by itself".to_owned(),
            (false, [signer]) => format!("signed by {signer}"),
            (false, [signer, above @ ..]) => format!("signed by {signer} ({})", above.join(", ")),
        };
        format!("for {names}, {signed}")
    }
}

/// `problem` is why the handshake failed, if it did, and `advice` what to do about it.
pub(super) fn finding(
    chain: &[Vec<u8>],
    problem: Option<(String, String)>,
    now: Timestamp,
) -> Finding {
    let Some(chain) = Chain::parse(chain) else {
        let detail = "the certificates cannot be read";
        return match problem {
            Some((problem, advice)) => Finding::bad(Check::Tls, problem, advice),
            None => Finding::note(
                Check::Tls,
                detail,
                "look at them with `openssl s_client -showcerts`",
            ),
        };
    };
    let seconds = chain.ends.as_second().saturating_sub(now.as_second());
    let days = seconds.div_euclid(DAY);
    let until = chain.ends.strftime("%Y-%m-%d");
    let validity = match days {
        ..0 => format!("ended on {until}"),
        0..=1 => format!("ends on {until}"),
        _ => format!("{days} days left"),
    };
    let detail = format!("{}, {validity}", chain.text());
    let found = match problem {
        Some((problem, advice)) => {
            Finding::bad(Check::Tls, format!("{problem} - {detail}"), advice)
        }
        None if days < SOON => Finding::warning(
            Check::Tls,
            detail,
            "renew the certificate of the registry, or the one that signed it",
        ),
        None => Finding::good(Check::Tls, detail),
    };
    found.measured(Measured::DaysLeft(days))
}

/// The common name, or all of the name.
fn name(name: &X509Name<'_>) -> String {
    let common = name.iter_common_name().find_map(|name| name.as_str().ok());
    common.map_or_else(|| name.to_string(), str::to_owned)
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let alternative = alternative
        .iter()
        .flat_map(|names| &names.value.general_names);
    let names: Vec<String> = alternative
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect();
    match names.is_empty() {
        true => vec![name(certificate.subject())],
        false => names,
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).ok().map(std::net::IpAddr::from);
    let sixteen = || <[u8; 16]>::try_from(bytes).ok().map(std::net::IpAddr::from);
    four.or_else(sixteen).map(|address| address.to_string())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

    use super::*;
    use crate::doctor::Status;

    /// A certificate for `b.example` and `192.0.2.1` that ends on 2030-01-31.
    fn certificate() -> Vec<u8> {
        let names = ["b.example".to_owned(), "192.0.2.1".to_owned()];
        let mut made = CertificateParams::new(names).unwrap();
        made.distinguished_name.push(DnType::CommonName, "self");
        made.not_after = date_time_ymd(2030, 1, 31);
        let key = KeyPair::generate().unwrap();
        made.self_signed(&key).unwrap().der().to_vec()
    }

    fn at(date: &str) -> Timestamp {
        format!("{date}T00:00:00Z").parse().unwrap()
    }

    #[test]
    fn a_certificate_is_good_until_it_has_to_be_renewed_soon() {
        let chain = [certificate()];
        let found = |date| finding(&chain, None, at(date));
        let good = found("2030-01-01");
        assert_eq!(
            good.detail,
            "for b.example, 192.0.2.1, signed by itself, 30 days left"
        );
        assert_eq!(
            (good.status, good.measured),
            (Status::Good, Some(Measured::DaysLeft(30)))
        );
        assert_eq!(found("2030-01-20").status, Status::Warning);
        let ended = found("2030-02-02");
        assert!(ended.detail.ends_with("ended on 2030-01-31"), "{ended:?}");
        assert_eq!(ended.measured, Some(Measured::DaysLeft(-2)));
    }

    #[test]
    fn a_refused_certificate_is_described_all_the_same() {
        let refused = || Some(("it is not trusted".to_owned(), "set ca-file".to_owned()));
        let found = finding(&[certificate()], refused(), at("2030-01-01"));
        assert_eq!(found.status, Status::Bad);
        assert!(
            found
                .detail
                .starts_with("it is not trusted - for b.example"),
            "{found:?}"
        );
        let garbage = finding(&[vec![1, 2, 3]], refused(), at("2030-01-01"));
        assert_eq!(
            (garbage.status, &*garbage.detail),
            (Status::Bad, "it is not trusted")
        );
        assert_eq!(finding(&[], None, at("2030-01-01")).status, Status::Note);
    }
}

//! Whether a registry can be reached, and how far away it is.
//!
//! Decides the order: name, connection, TLS, then clock and round trip. Invariant: after a failure nothing that needs the
//! connection is asked.

use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

use super::{
    Check, Finding, Measured, certificates, clock,
    finding::Findings,
    software,
    trouble::{Trouble, within},
};
use crate::registry::{Client, ErrorCause, PingAnswer};

/// Round trips that are measured; the median counts.
const ROUND_TRIPS: usize = 5;
/// Addresses that are listed.
const MAX_ADDRESSES: usize = 3;
/// From here on every request takes noticeably long.
const FAR: Duration = Duration::from_millis(300);

/// Whether the registry answers.
pub(super) async fn check(client: &Client, limit: Duration, findings: &Findings) -> bool {
    if !resolve(client, limit, findings).await {
        return false;
    }
    let began = Instant::now();
    let reached = within(limit, client.reach()).await;
    let elapsed = began.elapsed();
    let presented = client.presented_certificates();
    let now = Timestamp::now();
    if let Err(trouble) = reached {
        let advice = trouble.advice(client.registry());
        let is_tls = !presented.is_empty()
            && matches!(&trouble, Trouble::Failed(error) if matches!(*error.cause, ErrorCause::Configuration(_)));
        findings.add(match is_tls {
            true => certificates::finding(&presented, Some((trouble.text(), advice)), now),
            false => Finding::bad(Check::Connection, trouble.text(), advice),
        });
        return false;
    }
    findings.add(
        Finding::good(
            Check::Connection,
            format!("answered after {} ms", elapsed.as_millis()),
        )
        .measured(Measured::Milliseconds(milliseconds(elapsed))),
    );
    findings.add(encryption(client, &presented, now));
    measure(client, limit, findings).await
}

async fn resolve(client: &Client, limit: Duration, findings: &Findings) -> bool {
    if client.is_proxied() {
        findings.add(Finding::good(Check::Address, "a proxy resolves its name"));
        return true;
    }
    let address = client.address();
    let (host, port) = (address.host_str(), address.port_or_known_default());
    let host = host.unwrap_or_default().trim_matches(['[', ']']);
    let looking = tokio::net::lookup_host((host, port.unwrap_or_default()));
    let problem = match tokio::time::timeout(limit, looking).await {
        Ok(Ok(found)) => {
            let mut addresses: Vec<String> = found.map(|found| found.ip().to_string()).collect();
            addresses.dedup();
            let more = addresses.len().saturating_sub(MAX_ADDRESSES);
            addresses.truncate(MAX_ADDRESSES);
            let more = match more {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            findings.add(Finding::good(Check::Address, addresses.join(", ") + &more));
            return true;
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer of the name servers".to_owned(),
    };
    findings.add(Finding::bad(
        Check::Address,
        format!("{host} cannot be resolved: {problem}"),
        "check the name, and the name servers of this machine",
    ));
    false
}

fn encryption(client: &Client, presented: &[Vec<u8>], now: Timestamp) -> Finding {
    match client.address().scheme() {
        "https" => certificates::finding(presented, None, now),
        _ if client.registry().is_loopback() => {
            Finding::good(Check::Tls, "plain HTTP on this machine")
        }
        _ => Finding::warning(
            Check::Tls,
            "plain HTTP: passwords and images can be read and changed on the way",
            "give the registry a certificate and remove plain-http, or trust the network",
        ),
    }
}

/// The clock, the software and the round trip. Whether it goes on answering.
async fn measure(client: &Client, limit: Duration, findings: &Findings) -> bool {
    let mut answers: Vec<PingAnswer> = Vec::new();
    for _ in 0..ROUND_TRIPS {
        match within(limit, client.ping()).await {
            Ok(answer) => {
                if answers.is_empty() {
                    let now = SystemTime::now();
                    findings.add(clock::finding(answer.date, now, answer.elapsed));
                    findings.add(software::finding(&answer));
                }
                answers.push(answer);
            }
            Err(trouble) => {
                let advice = trouble.advice(client.registry());
                findings.add(Finding::bad(Check::RoundTrip, trouble.text(), advice));
                return false;
            }
        }
    }
    findings.add(round_trip(answers.iter().map(|answer| answer.elapsed)));
    true
}

fn round_trip(times: impl Iterator<Item = Duration>) -> Finding {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let detail = format!("{} ms, the median of {}", milliseconds(median), times.len());
    let found = match median >= FAR {
        true => Finding::warning(
            Check::RoundTrip,
            detail,
            "run this nearer to the registry, or with more images at once (--parallel)",
        ),
        false => Finding::good(Check::RoundTrip, detail),
    };
    found.measured(Measured::Milliseconds(milliseconds(median)))
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn the_median_of_the_round_trips_counts_not_the_slowest() {
        let found = |times: [u64; 5]| round_trip(times.into_iter().map(Duration::from_millis));
        let near = found([900, 12, 10, 14, 11]);
        assert_eq!(
            (near.status, &*near.detail),
            (Status::Good, "12 ms, the median of 5")
        );
        assert_eq!(found([900, 400, 350, 14, 310]).status, Status::Warning);
    }
}

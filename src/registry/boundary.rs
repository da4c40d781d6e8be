//! Where a registry's answers may lead: redirects, upload locations, token realms.
//!
//! Decides from addresses and names as they are written; names are not resolved, since public registries
//! do redirect to storage that resolves to an address inside (S3 interface endpoints). Invariant: nothing
//! leads from a registry outside to a written address inside (quirk 35), nor from https to http on another
//! host (quirk 30).

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use url::{Host, Url};

/// Why a URL is not followed; fits after "the Location" or "the token realm".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Astray {
    #[error("is not a URL")]
    Unreadable,
    #[error("is not an http URL")]
    Scheme,
    #[error("leads from https to http on another host")]
    Downgrade,
    #[error("leads from a public registry to an address inside this network")]
    Inside,
}

#[derive(Debug)]
pub(super) struct Boundary {
    base: Url,
    /// Whether the registry itself is inside, so that it may lead anywhere.
    inside: AtomicBool,
}

impl Boundary {
    pub(super) fn new(base: Url) -> Self {
        Self {
            inside: AtomicBool::new(is_inside(&base)),
            base,
        }
    }

    /// Learns from the address that did answer for the registry where its name leads.
    pub(super) fn answered_from(&self, peer: SocketAddr) {
        if is_private(peer.ip()) {
            self.inside.store(true, Relaxed);
        }
    }

    /// `written`, relative to `asked` (RFC 9110 10.2.2), if it may be followed. Behind a proxy that ends
    /// TLS a registry writes `http` for itself; the scheme and port that did answer are kept then.
    pub(super) fn lead(&self, asked: &Url, written: &str) -> Result<Url, Astray> {
        let mut url = asked.join(written).map_err(|_| Astray::Unreadable)?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(Astray::Scheme);
        }
        if asked.scheme() == "https" && url.scheme() == "http" {
            if url.host() == asked.host() {
                // `set_scheme` and `set_port` only fail for URLs without a host.
                let _ = url.set_scheme("https");
                let _ = url.set_port(asked.port());
            } else if !self.inside.load(Relaxed) {
                return Err(Astray::Downgrade);
            }
        }
        if !self.inside.load(Relaxed) && is_inside(&url) && url.host() != self.base.host() {
            return Err(Astray::Inside);
        }
        Ok(url)
    }
}

fn is_inside(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_private(address.into()),
        Some(Host::Ipv6(address)) => is_private(address.into()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            // RFC 6761, RFC 6762, the top-level domain ICANN keeps for private use, and names that
            // only a search domain completes.
            match name.rsplit_once('.') {
                Some((_, top)) => matches!(top, "localhost" | "local" | "internal"),
                None => true,
            }
        }
        None => false,
    }
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || first == 0
        // Shared address space (RFC 6598).
        || (first == 100 && (64..128).contains(&second))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(base: &str, written: &str) -> Result<String, Astray> {
        let boundary = Boundary::new(base.parse().unwrap());
        boundary.lead(&boundary.base, written).map(String::from)
    }

    #[test]
    fn quirk_35_a_public_registry_does_not_lead_inside() {
        for inside in [
            "https://127.0.0.1/x",
            "https://2130706433/x",
            "https://0x7f.1/x",
            "https://10.1.2.3/x",
            "https://100.64.0.1/x",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/x",
            "https://[::ffff:10.0.0.1]/x",
            "https://[fd00::1]/x",
            "https://localhost:8080/x",
            "https://metadata.google.internal/x",
            "https://printer.local./x",
            "http://redis:6379/x",
        ] {
            assert_eq!(
                lead("http://r.example/v2/", inside),
                Err(Astray::Inside),
                "{inside}"
            );
        }
        assert!(lead("https://r.example/v2/", "https://s3.example/x").is_ok());
        assert!(lead("https://r.example/v2/", "https://8.8.8.8/x").is_ok());
    }

    #[test]
    fn quirk_35_a_registry_inside_leads_anywhere() {
        for base in [
            "http://127.0.0.1:5000/v2/",
            "https://10.0.0.9/v2/",
            "https://harbor.internal/v2/",
        ] {
            assert!(lead(base, "http://10.0.0.1/token").is_ok(), "{base}");
        }
        let boundary = Boundary::new("https://harbor.example/v2/".parse().unwrap());
        boundary.answered_from("93.184.215.14:443".parse().unwrap());
        assert!(
            boundary
                .lead(&boundary.base, "https://10.0.0.1/token")
                .is_err()
        );
        boundary.answered_from("10.0.0.9:443".parse().unwrap());
        assert!(
            boundary
                .lead(&boundary.base, "https://10.0.0.1/token")
                .is_ok()
        );
    }

    #[test]
    fn quirk_30_http_behind_a_tls_proxy_is_read_as_https() {
        let base = "https://r.example:8443/v2/";
        assert_eq!(
            lead(base, "http://r.example/x").unwrap(),
            "https://r.example:8443/x"
        );
        assert_eq!(lead(base, "http://evil.example/x"), Err(Astray::Downgrade));
        assert_eq!(lead(base, "ftp://r.example/x"), Err(Astray::Scheme));
        assert_eq!(lead(base, "https://[/x"), Err(Astray::Unreadable));
    }
}

//! Where a registry's answers may lead: redirects, upload locations, token realms.
//!
//! Decides from addresses and names as they are written; what a name resolves to is checked where the
//! connection is made, in `private_network`. Storage that resolves inside (S3 interface endpoints) is for the
//! operator to allow. Invariant: nothing leads from a registry outside to an address inside (quirk 35), nor
//! from https to http on another host (quirk 30).

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use url::{Host, Url};

use super::private_network::is_private;

/// Why a URL is not followed; fits after "the Location" or "the token realm".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RedirectError {
    #[error("is not a URL")]
    Unreadable,
    #[error("is not an http URL")]
    Scheme,
    #[error("leads from https to http on another host")]
    Downgrade,
    #[error(
        "leads from a public registry to an address inside this network; \
         `allow-private-redirects = true` for this registry in the list permits that"
    )]
    Inside,
}

#[derive(Debug)]
pub(super) struct RedirectPolicy {
    base: Url,
    /// Whether the registry itself is inside, so that it may lead anywhere.
    inside: Arc<AtomicBool>,
    /// The operator lets it lead inside all the same.
    allowed: bool,
}

impl RedirectPolicy {
    pub(super) fn new(base: Url, allowed: bool) -> Self {
        Self {
            inside: Arc::new(AtomicBool::new(is_inside(&base))),
            base,
            allowed,
        }
    }

    /// Whether addresses inside may be connected to; answers anew as the registry's own address is learned.
    pub(super) fn inside_allowed(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let (inside, allowed) = (Arc::clone(&self.inside), self.allowed);
        move || allowed || inside.load(Relaxed)
    }

    /// Learns from the address that did answer for the registry where its name leads.
    pub(super) fn answered_from(&self, peer: SocketAddr) {
        if is_private(peer.ip()) {
            self.inside.store(true, Relaxed);
        }
    }

    /// `written`, relative to `asked` (RFC 9110 10.2.2), if it may be followed. Behind a proxy that ends
    /// TLS a registry writes `http` for itself; the scheme and port that did answer are kept then.
    pub(super) fn resolve(&self, asked: &Url, written: &str) -> Result<Url, RedirectError> {
        let mut url = asked.join(written).map_err(|_| RedirectError::Unreadable)?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(RedirectError::Scheme);
        }
        if asked.scheme() == "https" && url.scheme() == "http" {
            if url.host() == asked.host() {
                // `set_scheme` and `set_port` only fail for URLs without a host.
                let _ = url.set_scheme("https");
                let _ = url.set_port(asked.port());
            } else if !self.inside.load(Relaxed) {
                return Err(RedirectError::Downgrade);
            }
        }
        let allowed = self.allowed || self.inside.load(Relaxed);
        if !allowed && is_inside(&url) && url.host() != self.base.host() {
            return Err(RedirectError::Inside);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(base: &str, written: &str) -> Result<String, RedirectError> {
        let boundary = RedirectPolicy::new(base.parse().unwrap(), false);
        boundary.resolve(&boundary.base, written).map(String::from)
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
            "https://192.0.0.192/x",
            "https://[64:ff9b::a9fe:a9fe]/latest/meta-data",
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
                Err(RedirectError::Inside),
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
        let boundary = RedirectPolicy::new("https://harbor.example/v2/".parse().unwrap(), false);
        boundary.answered_from("93.184.215.14:443".parse().unwrap());
        assert!(
            boundary
                .resolve(&boundary.base, "https://10.0.0.1/token")
                .is_err()
        );
        boundary.answered_from("10.0.0.9:443".parse().unwrap());
        assert!(
            boundary
                .resolve(&boundary.base, "https://10.0.0.1/token")
                .is_ok()
        );
    }

    #[test]
    fn a_public_registry_leads_inside_where_the_operator_allows_it() {
        let boundary = RedirectPolicy::new("https://r.example/v2/".parse().unwrap(), true);
        let lead = |written| boundary.resolve(&boundary.base, written);
        assert!(lead("https://10.0.0.1/blob").is_ok());
        assert_eq!(lead("http://10.0.0.1/blob"), Err(RedirectError::Downgrade));
    }

    #[test]
    fn quirk_30_http_behind_a_tls_proxy_is_read_as_https() {
        let base = "https://r.example:8443/v2/";
        assert_eq!(
            lead(base, "http://r.example/x").unwrap(),
            "https://r.example:8443/x"
        );
        assert_eq!(
            lead(base, "http://evil.example/x"),
            Err(RedirectError::Downgrade)
        );
        assert_eq!(lead(base, "ftp://r.example/x"), Err(RedirectError::Scheme));
        assert_eq!(lead(base, "https://[/x"), Err(RedirectError::Unreadable));
    }
}

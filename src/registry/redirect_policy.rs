//! Which URLs in a registry's answers are followed: redirects, upload locations, token realms.
//!
//! Decides from the text of a URL; `private_network` checks what a name resolves to. The operator may allow private
//! addresses, for storage such as S3 interface endpoints. Invariants: a public registry never leads to a private
//! address unless the operator allows it (quirk 35, see registry/quirks.md), and nothing leads from https to http on
//! another host (quirk 30).

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
        "leads from a public registry to a private address; \
         `allow-private-redirects = true` for this registry in the list permits that"
    )]
    Private,
}

#[derive(Debug)]
pub(super) struct RedirectPolicy {
    base: Url,
    /// Whether the registry itself has a private address, so that it may lead anywhere.
    private: Arc<AtomicBool>,
    /// The operator allows private addresses.
    allowed: bool,
}

impl RedirectPolicy {
    pub(super) fn new(base: Url, allowed: bool) -> Self {
        Self {
            private: Arc::new(AtomicBool::new(is_private_url(&base))),
            base,
            allowed,
        }
    }

    /// Returns whether private addresses are allowed. The answer changes once the registry's own address is known.
    pub(super) fn private_allowed(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let (private, allowed) = (Arc::clone(&self.private), self.allowed);
        move || allowed || private.load(Relaxed)
    }

    /// Learns from the address of the peer whether the registry is private.
    pub(super) fn answered_from(&self, peer: SocketAddr) {
        if is_private(peer.ip()) {
            self.private.store(true, Relaxed);
        }
    }

    /// `location` relative to `requested` (RFC 9110 10.2.2), if it may be followed. A registry behind a proxy that
    /// terminates TLS may write `http` for itself; then scheme and port of the request are kept.
    pub(super) fn resolve(&self, requested: &Url, location: &str) -> Result<Url, RedirectError> {
        let mut url = requested
            .join(location)
            .map_err(|_| RedirectError::Unreadable)?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(RedirectError::Scheme);
        }
        if requested.scheme() == "https" && url.scheme() == "http" {
            if url.host() == requested.host() {
                // `set_scheme` and `set_port` only fail for URLs without a host.
                let _ = url.set_scheme("https");
                let _ = url.set_port(requested.port());
            } else if !self.private.load(Relaxed) {
                return Err(RedirectError::Downgrade);
            }
        }
        let allowed = self.allowed || self.private.load(Relaxed);
        if !allowed && is_private_url(&url) && url.host() != self.base.host() {
            return Err(RedirectError::Private);
        }
        Ok(url)
    }
}

fn is_private_url(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_private(address.into()),
        Some(Host::Ipv6(address)) => is_private(address.into()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            // RFC 6761, RFC 6762, ICANN's top-level domain for private use, and names without a dot, which only a
            // search domain resolves.
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
        let policy = RedirectPolicy::new(base.parse().unwrap(), false);
        policy.resolve(&policy.base, written).map(String::from)
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
                Err(RedirectError::Private),
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
        let policy = RedirectPolicy::new("https://harbor.example/v2/".parse().unwrap(), false);
        policy.answered_from("93.184.215.14:443".parse().unwrap());
        assert!(
            policy
                .resolve(&policy.base, "https://10.0.0.1/token")
                .is_err()
        );
        policy.answered_from("10.0.0.9:443".parse().unwrap());
        assert!(
            policy
                .resolve(&policy.base, "https://10.0.0.1/token")
                .is_ok()
        );
    }

    #[test]
    fn a_public_registry_leads_inside_where_the_operator_allows_it() {
        let policy = RedirectPolicy::new("https://r.example/v2/".parse().unwrap(), true);
        let lead = |written| policy.resolve(&policy.base, written);
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

//! Where a registry may send us: not from the public internet into private networks (quirk 35).
//!
//! Decides about redirects and upload locations that name an address. Names are not resolved: what they
//! lead to can change between looking and connecting, and without credentials, which never leave the
//! registry, they get little. Invariant: a registry that is private itself may send us anywhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use super::{Client, Error, Operation};

impl Client {
    /// Refuses `target` if it is a private address and this registry is public.
    pub(super) async fn may_lead_to(
        &self,
        operation: Operation,
        asked: &Url,
        target: &Url,
    ) -> Result<(), Error> {
        if self.is_own(target) || !is_private(target) || is_private(asked) {
            return Ok(());
        }
        if resolves_to_private(asked).await {
            return Ok(());
        }
        let host = target.host_str().unwrap_or_default();
        let text = format!("it sends us to {host}, a private address it should not know");
        Err(self.protocol(operation, asked, text))
    }
}

/// Whether the host is, by its spelling alone, of a private network or this machine.
pub(super) fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_private_v4(address),
        Some(Host::Ipv6(address)) => is_private_v6(address),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => true,
    }
}

/// Whether the host's name stands for a private address, as in a company's own network.
async fn resolves_to_private(url: &Url) -> bool {
    let Some(Host::Domain(name)) = url.host() else {
        return false;
    };
    match tokio::net::lookup_host((name, 0)).await {
        Ok(mut found) => found.any(|found| match found.ip() {
            IpAddr::V4(address) => is_private_v4(address),
            IpAddr::V6(address) => is_private_v6(address),
        }),
        Err(_) => false,
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    // RFC 6598: shared by carriers, and by clouds for their insides.
    let shared = first == 100 && (64..128).contains(&second);
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || first == 0
        || shared
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    match address.to_ipv4_mapped() {
        Some(address) => is_private_v4(address),
        None => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quirk_35_private_addresses_are_known_in_every_spelling() {
        for private in [
            "http://127.0.0.1/x",
            "http://2130706433/x",
            "http://0x7f.1/x",
            "http://10.1.2.3/x",
            "http://172.31.0.1/x",
            "http://192.168.0.1/x",
            "http://169.254.169.254/latest/meta-data",
            "http://100.64.0.1/x",
            "http://0.0.0.0/x",
            "http://[::1]/x",
            "http://[::ffff:10.0.0.1]/x",
            "http://[fd00::1]/x",
            "http://[fe80::1]/x",
            "http://localhost/x",
            "http://LOCALHOST./x",
            "http://a.localhost/x",
        ] {
            assert!(is_private(&private.parse().unwrap()), "{private}");
        }
        for public in [
            "https://8.8.8.8/x",
            "https://172.32.0.1/x",
            "https://100.128.0.1/x",
            "https://[2001:4860:4860::8888]/x",
            "https://localhost.example/x",
            "https://bucket.s3.example/x",
        ] {
            assert!(!is_private(&public.parse().unwrap()), "{public}");
        }
    }

    #[tokio::test]
    async fn quirk_35_a_public_registry_cannot_send_us_into_a_private_network() {
        let client = |registry: &str| {
            Client::new(registry.parse().unwrap(), super::super::Settings::default()).unwrap()
        };
        let lead = async |registry: &str, target: &str| {
            let client = client(registry);
            let asked = client.url("a/blobs/x");
            let target = target.parse().unwrap();
            client
                .may_lead_to(Operation::GetBlob, &asked, &target)
                .await
        };
        let inside = "http://169.254.169.254/latest";
        let error = lead("203.0.113.7", inside).await.unwrap_err();
        assert_eq!(error.class(), super::super::Class::Rejected);
        assert!(lead("203.0.113.7", "https://s3.example/x").await.is_ok());
        assert!(lead("127.0.0.1:5000", "http://10.0.0.1/x").await.is_ok());
        assert!(lead("10.0.0.9", inside).await.is_ok());
    }
}

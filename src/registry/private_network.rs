//! Private addresses: of this machine, its network and its cloud's metadata service; and a resolver that returns none
//! of them.
//!
//! Decides on the very addresses that are connected to, so a name cannot resolve to another address between check and
//! connection. Literal addresses are not resolved; `redirect_policy` checks those. A proxy resolves names itself, so
//! requests through one are not checked. Invariant: an address that embeds an IPv4 address (RFC 6052, 3056, 4380) is
//! private if that is.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Whether a public registry must not redirect to `address`.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

/// Not globally reachable according to the IANA special-purpose registry, or not unicast.
fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || first == 0
        // Shared address space (RFC 6598).
        || (first == 100 && (64..128).contains(&second))
        // IETF protocol assignments (RFC 6890); metadata services live here.
        || (first, second, third) == (192, 0, 0)
        // Benchmarking (RFC 2544).
        || (first == 198 && (18..20).contains(&second))
        // Reserved, and broadcast.
        || first >= 240
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let v4 = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high, low].map(u16::to_be_bytes);
        is_private_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // Loopback, unspecified, and deprecated IPv4-compatible addresses.
        [0, 0, 0, 0, 0, 0, high, low] => v4(high, low),
        // NAT64: on IPv6-only networks every public IPv4 host has such an address.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        // Local-use NAT64 (RFC 8215).
        [0x64, 0xff9b, 1, ..] => true,
        // 6to4.
        [0x2002, high, low, ..] => v4(high, low),
        // Teredo has the inverted address of the client.
        [0x2001, 0, server_high, server_low, _, _, high, low] => {
            v4(!high, !low) || v4(server_high, server_low)
        }
        // Discard-only (RFC 6666).
        [0x100, 0, 0, 0, ..] => true,
        [first, ..] => {
            address.is_unique_local()
                || address.is_unicast_link_local()
                || address.is_multicast()
                // Site-local (RFC 3879).
                || first & 0xffc0 == 0xfec0
        }
    }
}

/// The name of a redirect by a public registry resolves to a private address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a public registry redirects to {host}, which has the private address {address}; \
     `allow-private-redirects = true` for this registry in the list permits that"
)]
pub(super) struct PrivateRedirect {
    host: String,
    address: IpAddr,
}

/// The resolver of the system.
pub(super) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

/// Resolves the names of redirects, to public addresses unless private ones are allowed.
pub(super) struct GuardedResolver {
    pub resolver: Arc<dyn Resolve>,
    pub private_allowed: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let resolving = self.resolver.resolve(name);
        let private_allowed = Arc::clone(&self.private_allowed);
        Box::pin(async move {
            let found = resolving.await?;
            if private_allowed() {
                return Ok(found);
            }
            let (private, public): (Vec<SocketAddr>, Vec<SocketAddr>) =
                found.partition(|address| is_private(address.ip()));
            match (private.first(), public.is_empty()) {
                (Some(address), true) => {
                    let address = address.ip();
                    Err(PrivateRedirect { host, address }.into())
                }
                _ => {
                    let public: Addrs = Box::new(public.into_iter());
                    Ok(public)
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    use super::*;

    #[test]
    fn quirk_35_private_addresses_are_known_in_every_notation() {
        for inside in [
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "192.0.0.192",
            "192.168.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "0.0.0.0",
            "::",
            "::1",
            "::10.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::8.8.8.8",
            "2002:a00:1::1",
            "2001:0:808:808::f5ff:fffe",
            "2001:0:a00:1::f7f7:f7f7",
            "100::1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(is_private(inside.parse().unwrap()), "{inside}");
        }
        for outside in [
            "8.8.8.8",
            "100.128.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2001:0:808:808::f7f7:f7f7",
            "2606:4700::1111",
        ] {
            assert!(!is_private(outside.parse().unwrap()), "{outside}");
        }
    }

    /// Resolves every name to the same addresses.
    struct Fixed(&'static [&'static str]);

    impl Resolve for Fixed {
        fn resolve(&self, _: Name) -> Resolving {
            let found = self.0.iter();
            let found: Vec<SocketAddr> = found.map(|text| text.parse().unwrap()).collect();
            let found: Addrs = Box::new(found.into_iter());
            Box::pin(async move { Ok(found) })
        }
    }

    async fn resolved(
        found: &'static [&'static str],
        allowed: bool,
    ) -> Result<Vec<SocketAddr>, String> {
        let allowed = AtomicBool::new(allowed);
        let guarded = GuardedResolver {
            resolver: Arc::new(Fixed(found)),
            private_allowed: Arc::new(move || allowed.load(Relaxed)),
        };
        let name = "storage.example".parse().unwrap();
        let found = guarded.resolve(name).await;
        found
            .map(Iterator::collect)
            .map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_name_resolves_to_addresses_outside_only() {
        let (inside, outside) = ("169.254.169.254:0", "8.8.8.8:0");
        let error = resolved(&["169.254.169.254:0"], false).await.unwrap_err();
        assert!(
            error.contains("storage.example, which has the private address 169.254.169.254;"),
            "{error}"
        );
        assert!(error.contains("allow-private-redirects = true"), "{error}");
        let both = resolved(&["169.254.169.254:0", "8.8.8.8:0"], false).await;
        assert_eq!(both, Ok(vec![outside.parse().unwrap()]));
        let allowed = resolved(&["169.254.169.254:0"], true).await;
        assert_eq!(allowed, Ok(vec![inside.parse().unwrap()]));
    }
}

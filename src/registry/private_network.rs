//! Which addresses are inside: of this machine, its network, its cloud's metadata service; and a resolver that
//! gives out none of them.
//!
//! Decides on the addresses that a connection is then made to, so a name cannot resolve to another one between
//! the check and the connection. Literal addresses are never resolved; `boundary` checks those. Where a proxy
//! makes the connection, the proxy resolves, and what may be reached is for it to say. Invariant: an address
//! that carries an IPv4 address (RFC 6052, 3056, 4380) is as private as that.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Whether a registry outside has no business with `address`.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

/// What the IANA special-purpose registry calls not globally reachable, and what is no unicast address.
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
        // Loopback, unspecified, and the IPv4-compatible addresses of old.
        [0, 0, 0, 0, 0, 0, high, low] => v4(high, low),
        // NAT64: on networks without IPv4 every public host has such an address.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        // NAT64 of this network's own (RFC 8215).
        [0x64, 0xff9b, 1, ..] => true,
        // 6to4.
        [0x2002, high, low, ..] => v4(high, low),
        // Teredo hides the client's address by inverting it.
        [0x2001, 0, server_high, server_low, _, _, high, low] => {
            v4(!high, !low) || v4(server_high, server_low)
        }
        // Discard only (RFC 6666).
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

/// A name that a registry outside led to resolves to an address inside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it leads from a public registry to {host}, which is at {address} inside this network; \
     `allow-private-redirects = true` for this registry in the list permits that"
)]
pub(super) struct LedInside {
    host: String,
    address: IpAddr,
}

/// Resolves names as the system does.
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

/// Resolves names that a registry led to: to addresses outside, unless those inside are allowed.
pub(super) struct GuardedResolver {
    pub resolver: Arc<dyn Resolve>,
    pub inside_allowed: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let resolving = self.resolver.resolve(name);
        let inside_allowed = Arc::clone(&self.inside_allowed);
        Box::pin(async move {
            let found = resolving.await?;
            if inside_allowed() {
                return Ok(found);
            }
            let (inside, outside): (Vec<SocketAddr>, Vec<SocketAddr>) =
                found.partition(|address| is_private(address.ip()));
            match (inside.first(), outside.is_empty()) {
                (Some(address), true) => {
                    let address = address.ip();
                    Err(LedInside { host, address }.into())
                }
                _ => {
                    let outside: Addrs = Box::new(outside.into_iter());
                    Ok(outside)
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
            inside_allowed: Arc::new(move || allowed.load(Relaxed)),
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
            error.contains("storage.example, which is at 169.254.169.254 inside"),
            "{error}"
        );
        assert!(error.contains("allow-private-redirects = true"), "{error}");
        let both = resolved(&["169.254.169.254:0", "8.8.8.8:0"], false).await;
        assert_eq!(both, Ok(vec![outside.parse().unwrap()]));
        let allowed = resolved(&["169.254.169.254:0"], true).await;
        assert_eq!(allowed, Ok(vec![inside.parse().unwrap()]));
    }
}

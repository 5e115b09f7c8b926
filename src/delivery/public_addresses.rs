//! The addresses that an endpoint of webhooks may have: those of the public internet, and those of networks that the
//! operator has allowed. The address is checked when the connection is made, so that a name cannot lead elsewhere after
//! it was checked.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Networks of the IANA IPv4 special-purpose address registry, and multicast: none of them is public.
const SPECIAL_V4: [(Ipv4Addr, u8); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The global unicast addresses of IPv6. What is outside, such as `fc00::/7` and NAT64, is not public.
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Networks in it that are not public: protocol assignments with Teredo, documentation, and 6to4, which contains
/// addresses of IPv4.
const SPECIAL_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Decides which addresses may be called, and resolves names to those only.
#[derive(Clone, Debug)]
pub struct PublicAddresses {
    allowed: Vec<IpNet>,
}

impl PublicAddresses {
    /// Public addresses, and those of these networks.
    #[must_use]
    pub fn and(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    /// Whether an address may be called.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        // An address of IPv4 in the form of IPv6 leads to the former.
        let address = address.to_canonical();
        self.allowed
            .iter()
            .any(|network| network.contains(&address))
            || is_public(address)
    }

    /// Whether the host of an address is an IP address that may not be called. No name is resolved for it.
    #[must_use]
    pub fn exclude(&self, url: &Url) -> bool {
        match url.host() {
            Some(Host::Ipv4(address)) => !self.contain(address.into()),
            Some(Host::Ipv6(address)) => !self.contain(address.into()),
            Some(Host::Domain(_)) => false,
            None => true,
        }
    }
}

impl Resolve for PublicAddresses {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found
                .filter(|address| addresses.contain(address.ip()))
                .collect();
            if public.is_empty() {
                return Err(io::Error::other(
                    "the name leads to no public address and to none of event_webhooks.allowed_networks",
                )
                .into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|&(network, length)| {
            Ipv4Net::new(network, length).is_ok_and(|network| network.contains(&address))
        }),
        IpAddr::V6(address) => {
            let is_in = |&(network, length): &(Ipv6Addr, u8)| {
                Ipv6Net::new(network, length).is_ok_and(|network| network.contains(&address))
            };
            is_in(&GLOBAL_V6) && !SPECIAL_V6.iter().any(is_in)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_called() {
        let addresses = PublicAddresses::and(Vec::new());
        for public in [
            "1.1.1.1",
            "172.32.0.1",
            "2606:4700::1111",
            "2001:4860:4860::8888",
        ] {
            assert!(addresses.contain(public.parse().unwrap()), "{public}");
        }
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
            "64:ff9b::a00:1",
            "2001:0:1::1",
            "2001:db8::1",
            "2002:7f00:1::1",
        ] {
            assert!(!addresses.contain(private.parse().unwrap()), "{private}");
        }
    }

    #[test]
    fn allowed_networks_are_called_too() {
        let addresses = PublicAddresses::and(vec!["10.0.0.0/8".parse().unwrap()]);
        for (address, expected) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("192.168.0.1", false),
        ] {
            assert_eq!(
                addresses.contain(address.parse().unwrap()),
                expected,
                "{address}"
            );
        }
    }

    #[test]
    fn every_spelling_of_an_address_is_one() {
        let addresses = PublicAddresses::and(Vec::new());
        for url in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://127.1/",
        ] {
            assert!(addresses.exclude(&url.parse().unwrap()), "{url}");
        }
        assert!(!addresses.exclude(&"https://1.1.1.1/".parse().unwrap()));
    }
}

//! The networks that an address is counted in.

use std::net::{IpAddr, Ipv6Addr};

/// The prefix lengths of IPv6 networks that providers assign to one customer, the narrowest first, each with the
/// multiple of the limit of one address that applies to it.
const IPV6_NETWORKS: [(u8, u32); 3] = [(64, 1), (56, 4), (48, 16)];

/// The networks that an address is counted in, each with the multiple of the limit of one address: an IPv4 address
/// itself, or the networks of an IPv6 address.
pub(super) fn networks(address: IpAddr) -> Vec<(String, u32)> {
    match address.to_canonical() {
        IpAddr::V4(address) => vec![(address.to_string(), 1)],
        IpAddr::V6(address) => IPV6_NETWORKS
            .iter()
            .map(|(prefix, factor)| (network(address, *prefix), *factor))
            .collect(),
    }
}

/// The network of one customer: an IPv4 address, or the /48 of an IPv6 address.
pub(in crate::services) fn widest_network(address: Option<IpAddr>) -> String {
    let networks = address.map(networks).unwrap_or_default();
    networks
        .into_iter()
        .last()
        .map_or_else(String::new, |(network, _)| network)
}

fn network(address: Ipv6Addr, prefix: u8) -> String {
    let masked = address.to_bits() & (u128::MAX << (128 - u32::from(prefix)));
    let [a, b, c, d, ..] = Ipv6Addr::from_bits(masked).segments();
    format!("{a:x}:{b:x}:{c:x}:{d:x}::/{prefix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_address_is_counted_alone_and_an_ipv6_address_in_three_networks() {
        for (address, counted) in [
            ("203.0.113.9", &[("203.0.113.9", 1)][..]),
            ("::ffff:203.0.113.9", &[("203.0.113.9", 1)]),
            (
                "2001:db8:1:23ff:ffff::1",
                &[
                    ("2001:db8:1:23ff::/64", 1),
                    ("2001:db8:1:2300::/56", 4),
                    ("2001:db8:1:0::/48", 16),
                ],
            ),
        ] {
            let counted: Vec<_> = counted
                .iter()
                .map(|(net, by)| ((*net).to_owned(), *by))
                .collect();
            assert_eq!(networks(address.parse().unwrap()), counted);
        }
        assert_eq!(
            widest_network("2001:db8:1:2:3::4".parse().ok()),
            "2001:db8:1:0::/48"
        );
    }
}

//! From which address a request comes, when proxies stand before us: forwarded headers count only from configured ones, and
//! only the one header that is configured. A proxy overwrites or extends one of them; the other is the client's to write.

use std::net::IpAddr;

use actix_web::http::header::HeaderMap;
use ipnet::IpNet;

use crate::config::{ForwardedHeader, ServerConfig};

/// The address of the client: the peer's, or where the peer is a trusted proxy the last address of the configured header
/// that is not one.
pub(crate) fn client_address(
    peer: Option<IpAddr>,
    headers: &HeaderMap,
    server: &ServerConfig,
) -> Option<IpAddr> {
    let is_trusted = |address: &IpAddr| is_among(&server.trusted_proxies, address);
    let peer = peer.map(unmapped)?;
    if !is_trusted(&peer) {
        return Some(peer);
    }
    // Each proxy appends the address it was called from: what stands left of an untrusted one, that one may have invented.
    let mut client = peer;
    for hop in hops(headers, server.forwarded_header) {
        let Some(address) = hop else {
            break;
        };
        client = address;
        if !is_trusted(&address) {
            break;
        }
    }
    Some(client)
}

fn is_among(nets: &[IpNet], address: &IpAddr) -> bool {
    nets.iter().any(|net| net.contains(address))
}

/// The addresses that the header tells, the nearest first; none where it tells something else.
fn hops(headers: &HeaderMap, header: ForwardedHeader) -> impl Iterator<Item = Option<IpAddr>> {
    // A client's byte that is no text must not hide what the proxy wrote behind it.
    let values: Vec<_> = headers
        .get_all(header.as_str())
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    values.into_iter().rev().flat_map(move |value| {
        let elements: Vec<Option<IpAddr>> = match header {
            ForwardedHeader::XForwardedFor => {
                value.rsplit(',').map(|hop| node(hop.trim())).collect()
            }
            ForwardedHeader::Forwarded => backwards(&value, b',')
                .into_iter()
                .map(forwarded_for)
                .collect(),
        };
        elements
    })
}

/// The address in an element of `Forwarded` (RFC 7239 section 4): that of its one `for`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = backwards(element, b';');
    let mut told = pairs
        .iter()
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let (_, value) = told.next()?;
    if told.next().is_some() {
        return None;
    }
    let value = value.trim();
    match value.strip_prefix('"') {
        Some(rest) => node(rest.strip_suffix('"')?),
        None => node(value),
    }
}

/// The parts between separators that stand outside of quotes, the last first.
///
/// It is read from the end, which the nearest proxy wrote: a quote that somebody before it left open hides none of what the
/// proxy said.
fn backwards(text: &str, separator: u8) -> Vec<&str> {
    let bytes = text.as_bytes();
    let (mut parts, mut end, mut quoted) = (Vec::new(), text.len(), false);
    for (at, byte) in bytes.iter().enumerate().rev() {
        if *byte == b'"' {
            let escapes = bytes[..at].iter().rev().take_while(|byte| **byte == b'\\');
            // An escaped one is part of the text, inside of quotes only.
            if !(quoted && escapes.count() % 2 == 1) {
                quoted = !quoted;
            }
        } else if *byte == separator && !quoted {
            parts.push(&text[at + 1..end]);
            end = at;
        }
    }
    parts.push(&text[..end]);
    parts
}

/// An address with or without brackets and port. `unknown` and made-up names (RFC 7239 section 6) are none.
fn node(hop: &str) -> Option<IpAddr> {
    let plain = hop
        .strip_prefix('[')
        .and_then(|rest| rest.split(']').next())
        .unwrap_or(hop);
    let with_port = || {
        plain
            .parse::<std::net::SocketAddr>()
            .map(|socket| socket.ip())
            .ok()
    };
    plain.parse().ok().or_else(with_port).map(unmapped)
}

/// An IPv4 address that came over an IPv6 socket is that IPv4 address.
fn unmapped(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    const X: &str = "x-forwarded-for";
    const F: &str = "forwarded";

    /// What is made of headers from a peer, where one of the two is believed.
    fn seen(believed: ForwardedHeader, peer: &str, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let server = ServerConfig {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
            forwarded_header: believed,
            ..ServerConfig::default()
        };
        client_address(Some(peer.parse().unwrap()), &headers, &server)
            .unwrap()
            .to_string()
    }

    fn client(peer: &str, values: &[&str]) -> String {
        let lines: Vec<_> = values.iter().map(|value| (X, *value)).collect();
        seen(ForwardedHeader::XForwardedFor, peer, &lines)
    }

    fn forwarded(value: &str) -> String {
        seen(ForwardedHeader::Forwarded, "10.0.0.1", &[(F, value)])
    }

    #[test]
    fn a_stranger_cannot_say_where_he_comes_from() {
        let lines = [(X, "198.51.100.1"), (F, "for=198.51.100.1")];
        for believed in [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded] {
            assert_eq!(seen(believed, "203.0.113.9", &lines), "203.0.113.9");
        }
    }

    #[test]
    fn behind_trusted_proxies_the_last_untrusted_address_counts() {
        assert_eq!(client("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            client("10.0.0.1", &["192.0.2.66, 198.51.100.1, 10.0.0.2"]),
            "198.51.100.1"
        );
        assert_eq!(
            client("10.0.0.1", &["192.0.2.66", "198.51.100.1:4711"]),
            "198.51.100.1"
        );
        assert_eq!(
            client("::ffff:10.0.0.1", &["[2001:db8::1]:443"]),
            "2001:db8::1"
        );
    }

    #[test]
    fn bytes_that_are_no_text_hide_nothing_that_the_proxy_wrote() {
        let mut headers = HeaderMap::new();
        headers.append(
            HeaderName::from_static("x-forwarded-for"),
            HeaderValue::from_bytes(b"\xff, 198.51.100.1").unwrap(),
        );
        let server = ServerConfig {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            ..ServerConfig::default()
        };
        let found = client_address(Some("10.0.0.1".parse().unwrap()), &headers, &server);
        assert_eq!(found, Some("198.51.100.1".parse().unwrap()));
    }

    #[test]
    fn nonsense_from_a_proxy_ends_at_the_proxy() {
        assert_eq!(client("10.0.0.1", &["unknown"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn of_the_two_headers_only_the_configured_one_is_believed() {
        let lines = [(X, "198.51.100.1"), (F, "for=198.51.100.2")];
        let believing = |header| seen(header, "10.0.0.1", &lines);
        assert_eq!(believing(ForwardedHeader::XForwardedFor), "198.51.100.1");
        assert_eq!(believing(ForwardedHeader::Forwarded), "198.51.100.2");
        let other = [(X, "198.51.100.1")];
        let believed = ForwardedHeader::Forwarded;
        assert_eq!(seen(believed, "10.0.0.1", &other), "10.0.0.1");
    }

    #[test]
    fn forwarded_is_read_as_its_rfc_writes_it() {
        for (value, address) in [
            ("for=198.51.100.1", "198.51.100.1"),
            (
                "For=\"198.51.100.1:4711\";proto=https;by=10.0.0.1",
                "198.51.100.1",
            ),
            (
                "proto=http ; for=\"[2001:db8:cafe::17]:4711\"",
                "2001:db8:cafe::17",
            ),
            (
                "for=192.0.2.43, for=198.51.100.1,for=10.9.9.9",
                "198.51.100.1",
            ),
            // The comma and the semicolon in quotes separate nothing.
            (
                "for=192.0.2.1, host=\"a,b;for=c\";for=198.51.100.1",
                "198.51.100.1",
            ),
            ("host=\"a\\\"b,\";for=198.51.100.1", "198.51.100.1"),
        ] {
            assert_eq!(forwarded(value), address, "{value}");
        }
        let lines = [(F, "for=192.0.2.66"), (F, "for=198.51.100.1, for=10.0.0.2")];
        let seen = seen(ForwardedHeader::Forwarded, "10.0.0.1", &lines);
        assert_eq!(seen, "198.51.100.1");
    }

    #[test]
    fn what_forwarded_does_not_tell_ends_at_the_proxy_that_said_it() {
        for value in [
            "",
            ",",
            "for=",
            "for=unknown",
            "for=_hidden",
            "for=\"_x:80\"",
            "proto=https",
            "for=198.51.100.1;for=198.51.100.2",
            "for=\"198.51.100.1",
            "for=198.51.100.1\"",
            "198.51.100.1",
            "for=198.51.100.1, for=unknown",
            "for=198.51.100.1, proto=https",
        ] {
            assert_eq!(forwarded(value), "10.0.0.1", "{value}");
        }
    }

    #[test]
    fn a_quote_left_open_before_the_proxy_hides_nothing_the_proxy_said() {
        for before in ["for=\"", "for=\"192.0.2.1", "\"", "for=\"\\", "x=\"\\\""] {
            let value = format!("{before}, for=198.51.100.1");
            assert_eq!(forwarded(&value), "198.51.100.1", "{value}");
        }
    }
}

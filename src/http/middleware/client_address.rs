//! The client's address behind proxies. Forwarded headers count only from trusted proxies, and only the one header that is
//! configured: a proxy overwrites or extends one of them, the other is whatever the client sends.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{FORWARDED, HeaderMap, X_FORWARDED_FOR};

use crate::config::{ForwardedHeader, ServerConfig};

/// The address of the client: the peer's or, if the peer is a trusted proxy, the last address of the configured header that is
/// not a trusted proxy.
pub(crate) fn client_address(
    peer: Option<IpAddr>,
    headers: &HeaderMap,
    server: &ServerConfig,
) -> Option<IpAddr> {
    let is_trusted = |address: &IpAddr| is_trusted(address, server);
    let peer = peer?.to_canonical();
    if !is_trusted(&peer) {
        return Some(peer);
    }
    // Each proxy appends the address of its peer: everything left of an untrusted address can be invented by it.
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

/// Whether an address is one of a trusted proxy.
pub(crate) fn is_trusted(address: &IpAddr, server: &ServerConfig) -> bool {
    let proxies = &server.trusted_proxies;
    proxies.iter().any(|net| net.contains(address))
}

/// The peer, if it sends a forwarded header and is not a trusted proxy.
pub(crate) fn ignored_proxy(
    peer: Option<IpAddr>,
    headers: &HeaderMap,
    server: &ServerConfig,
) -> Option<IpAddr> {
    let is_forwarded = headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(FORWARDED);
    let peer = peer.filter(|_| is_forwarded)?.to_canonical();
    (!is_trusted(&peer, server)).then_some(peer)
}

/// The addresses in the header, the nearest first; `None` for a hop that is not an address.
fn hops(headers: &HeaderMap, header: ForwardedHeader) -> impl Iterator<Item = Option<IpAddr>> {
    // A byte from the client that is not UTF-8 must not hide what the proxy appended.
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
    let mut addresses = pairs
        .iter()
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let (_, value) = addresses.next()?;
    if addresses.next().is_some() {
        return None;
    }
    let value = value.trim();
    match value.strip_prefix('"') {
        Some(rest) => node(rest.strip_suffix('"')?),
        None => node(value),
    }
}

/// The parts between separators outside of quotes, the last first.
///
/// The text is read from the end, which the nearest proxy wrote: a quote that an earlier hop left open hides nothing of it.
fn backwards(text: &str, separator: u8) -> Vec<&str> {
    let bytes = text.as_bytes();
    let (mut parts, mut end, mut quoted) = (Vec::new(), text.len(), false);
    for (at, byte) in bytes.iter().enumerate().rev() {
        if *byte == b'"' {
            let escapes = bytes[..at].iter().rev().take_while(|byte| **byte == b'\\');
            // Inside quotes, an escaped quote is part of the text.
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

/// An address with or without brackets and port. `unknown` and obfuscated identifiers (RFC 7239 section 6) are `None`.
fn node(hop: &str) -> Option<IpAddr> {
    let plain = hop
        .strip_prefix('[')
        .and_then(|rest| rest.split(']').next())
        .unwrap_or(hop);
    let address = plain
        .parse()
        .or_else(|_| plain.parse().map(|with_port: SocketAddr| with_port.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    const X: &str = "x-forwarded-for";
    const F: &str = "forwarded";

    /// The client address for header lines from a peer, with `header` configured.
    fn seen(header: ForwardedHeader, peer: &str, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let server = ServerConfig {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
            forwarded_header: header,
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
    fn headers_of_an_untrusted_peer_are_ignored() {
        let lines = [(X, "198.51.100.1"), (F, "for=198.51.100.1")];
        for header in [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded] {
            assert_eq!(seen(header, "203.0.113.9", &lines), "203.0.113.9");
        }
    }

    #[test]
    fn behind_trusted_proxies_the_last_untrusted_address_is_the_client() {
        for values in [
            &["198.51.100.1"][..],
            &["192.0.2.66, 198.51.100.1, 10.0.0.2"],
            &["192.0.2.66", "198.51.100.1:4711"],
        ] {
            assert_eq!(client("10.0.0.1", values), "198.51.100.1");
        }
        let mapped = client("::ffff:10.0.0.1", &["[2001:db8::1]:443"]);
        assert_eq!(mapped, "2001:db8::1");
    }

    #[test]
    fn invalid_utf8_does_not_hide_what_the_proxy_appended() {
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
    fn an_invalid_header_from_a_proxy_gives_the_address_of_the_proxy() {
        assert_eq!(client("10.0.0.1", &["unknown"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn only_the_configured_header_is_used() {
        let lines = [(X, "198.51.100.1"), (F, "for=198.51.100.2")];
        let with = |header| seen(header, "10.0.0.1", &lines);
        assert_eq!(with(ForwardedHeader::XForwardedFor), "198.51.100.1");
        assert_eq!(with(ForwardedHeader::Forwarded), "198.51.100.2");
        let other = [(X, "198.51.100.1")];
        let forwarded = ForwardedHeader::Forwarded;
        assert_eq!(seen(forwarded, "10.0.0.1", &other), "10.0.0.1");
    }

    #[test]
    fn forwarded_is_parsed_according_to_rfc_7239() {
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
            // A comma and a semicolon in quotes are not separators.
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
    fn forwarded_without_an_address_gives_the_address_of_the_proxy() {
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
    fn an_unclosed_quote_does_not_hide_what_the_proxy_appended() {
        for before in ["for=\"", "for=\"192.0.2.1", "\"", "for=\"\\", "x=\"\\\""] {
            let value = format!("{before}, for=198.51.100.1");
            assert_eq!(forwarded(&value), "198.51.100.1", "{value}");
        }
    }
}

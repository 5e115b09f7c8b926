//! Fuzz targets for the client address and the cookies of a request. See `src/fuzzing.rs`.

use std::net::IpAddr;

use actix_web::{
    http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue},
    test::TestRequest,
};

use crate::config::{ForwardedHeader, ServerConfig};
use crate::http::cookie_header;
use crate::http::middleware::client_address::client_address;

pub use crate::http::{
    admin::fuzzing::forms,
    api::fuzzing::{bodies, queries},
};

/// Parses lines as values of the configured header, from a trusted proxy and from an untrusted peer. The address is that of the
/// peer or is in the header, and what the proxy appended last takes precedence.
///
/// # Panics
/// When this does not hold.
pub fn addresses(bytes: &[u8]) {
    for header in [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded] {
        let name = HeaderName::from_static(header.as_str());
        let mut headers = HeaderMap::new();
        for line in bytes.split(|byte| *byte == b'\n') {
            if let Ok(value) = HeaderValue::from_bytes(line) {
                headers.append(name.clone(), value);
            }
        }
        let server = ServerConfig {
            trusted_proxies: ["10.0.0.0/8", "fd00::/8"]
                .iter()
                .filter_map(|net| net.parse().ok())
                .collect(),
            forwarded_header: header,
            ..ServerConfig::default()
        };
        let proxy = IpAddr::from([10, 0, 0, 1]);
        let untrusted = IpAddr::from([203, 0, 113, 9]);
        let seen = |peer, headers: &HeaderMap| client_address(Some(peer), headers, &server);
        assert_eq!(seen(untrusted, &headers), Some(untrusted));
        let found = seen(proxy, &headers);
        assert!(found.is_some_and(|found| found == proxy || contains(bytes, found)));
        if header == ForwardedHeader::XForwardedFor {
            let is_right = found
                .is_some_and(|found| is_last_untrusted(&headers, &name, found, proxy, &server));
            assert!(is_right, "{found:?}");
        }
        append(&mut headers, &name, header, "198.51.100.7");
        assert_eq!(seen(proxy, &headers), Some(IpAddr::from([198, 51, 100, 7])));
        append(&mut headers, &name, header, "10.1.2.3");
        assert_eq!(seen(proxy, &headers), Some(IpAddr::from([198, 51, 100, 7])));
    }
}

/// Appends the address of its peer to the last line of the header, as a proxy does.
fn append(headers: &mut HeaderMap, name: &HeaderName, header: ForwardedHeader, address: &str) {
    let lines: Vec<HeaderValue> = headers.get_all(name).cloned().collect();
    headers.remove(name);
    let (last, before) = match lines.split_last() {
        Some((last, before)) => (last.as_bytes(), before),
        None => (&b""[..], &[][..]),
    };
    for line in before {
        headers.append(name.clone(), line.clone());
    }
    let element = match header {
        ForwardedHeader::XForwardedFor => format!(", {address}"),
        ForwardedHeader::Forwarded => format!(", for={address}"),
    };
    if let Ok(value) = HeaderValue::from_bytes(&[last, element.as_bytes()].concat()) {
        headers.append(name.clone(), value);
    }
}

/// Whether a text contains an address in any notation.
fn contains(bytes: &[u8], address: IpAddr) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let is_it = |part: &str| {
        part.parse::<IpAddr>()
            .is_ok_and(|found| found.to_canonical() == address)
    };
    let around = |c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':');
    text.split(around).any(|part| {
        let without_port = part.rsplit_once(':').map(|(host, _)| host);
        // An address can be in brackets and have a port.
        is_it(part) || without_port.is_some_and(is_it)
    })
}

/// The rule, implemented a second time: all addresses to the right of the client's are those of trusted proxies.
fn is_last_untrusted(
    headers: &HeaderMap,
    name: &HeaderName,
    found: IpAddr,
    peer: IpAddr,
    server: &ServerConfig,
) -> bool {
    let lines: Vec<String> = headers
        .get_all(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .collect();
    let line = lines.join(",");
    let trusted = |address: &str| {
        let nets = &server.trusted_proxies;
        let address = plain_address(address);
        address.is_some_and(|address| nets.iter().any(|net| net.contains(&address)))
    };
    let hops: Vec<&str> = line.split(',').map(str::trim).collect();
    let right = hops.iter().rev().take_while(|hop| trusted(hop)).count();
    let left_of_them = hops
        .len()
        .checked_sub(right + 1)
        .and_then(|at| plain_address(hops[at]));
    let nearest_trusted = hops
        .get(hops.len() - right)
        .and_then(|hop| plain_address(hop));
    found == left_of_them.or(nearest_trusted).unwrap_or(peer)
}

fn plain_address(hop: &str) -> Option<IpAddr> {
    let socket = hop
        .parse::<std::net::SocketAddr>()
        .map(|socket| socket.ip());
    let bare = hop
        .strip_prefix('[')
        .map_or(hop, |rest| rest.split(']').next().unwrap_or(rest));
    let address = bare.parse::<IpAddr>().or(socket).or_else(|_| {
        bare.parse::<std::net::SocketAddr>()
            .map(|socket| socket.ip())
    });
    address.ok().map(|address| address.to_canonical())
}

/// Parses bytes as the header `Cookie`. Only cookies of the header are found, and a valid one is found after any other text.
///
/// # Panics
/// When this does not hold.
pub fn cookies(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else {
        return;
    };
    let request = TestRequest::default()
        .insert_header((COOKIE, value))
        .to_http_request();
    let found = cookie_header::value(&request, "munjigi_session");
    let text = String::from_utf8_lossy(bytes);
    assert!(found.is_none() || text.contains("munjigi_session"));
    crate::http::admin::fuzzing::cookies(&request);
    let with_valid = [b"munjigi_session=valid; ", bytes, b"; munjigi_device=valid"].concat();
    if let Ok(value) = HeaderValue::from_bytes(&with_valid) {
        let request = TestRequest::default()
            .insert_header((COOKIE, value))
            .to_http_request();
        let read = |name| cookie_header::value(&request, name);
        assert_eq!(read("munjigi_session").as_deref(), Some("valid"));
        let device = read("munjigi_device");
        assert!(device.is_some_and(|device| device == "valid" || text.contains("munjigi_device")));
    }
}

//! What must hold of every request's address and cookies. See `src/fuzzing.rs`.

use std::net::IpAddr;

use actix_web::{
    http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue},
    test::TestRequest,
};

use crate::{
    config::{ForwardedHeader, ServerConfig},
    http::{cookie_header, middleware::client_address::client_address},
};

pub use crate::http::{
    admin::fuzzing::forms,
    api::fuzzing::{bodies, queries},
};

/// Lines as values of the believed header, from a trusted proxy and from a stranger: the address is the peer's or stands in
/// the header; and whatever came before, what the proxy wrote last is believed.
///
/// # Panics
/// Where that does not hold.
pub fn addresses(bytes: &[u8]) {
    for believed in [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded] {
        let name = HeaderName::from_static(believed.as_str());
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
            forwarded_header: believed,
            ..ServerConfig::default()
        };
        let proxy = IpAddr::from([10, 0, 0, 1]);
        let stranger = IpAddr::from([203, 0, 113, 9]);
        let seen = |peer, headers: &HeaderMap| client_address(Some(peer), headers, &server);
        assert_eq!(seen(stranger, &headers), Some(stranger));
        let told = seen(proxy, &headers);
        assert!(told.is_some_and(|told| told == proxy || stands_in(bytes, told)));
        if believed == ForwardedHeader::XForwardedFor {
            let is_right =
                told.is_some_and(|told| is_last_untrusted(&headers, &name, told, proxy, &server));
            assert!(is_right, "{told:?}");
        }
        append(&mut headers, &name, believed, "198.51.100.7");
        assert_eq!(seen(proxy, &headers), Some(IpAddr::from([198, 51, 100, 7])));
        append(&mut headers, &name, believed, "10.1.2.3");
        assert_eq!(seen(proxy, &headers), Some(IpAddr::from([198, 51, 100, 7])));
    }
}

/// What a proxy does: it adds whom it was called by behind what it was given, in the same line.
fn append(headers: &mut HeaderMap, name: &HeaderName, believed: ForwardedHeader, address: &str) {
    let lines: Vec<HeaderValue> = headers.get_all(name).cloned().collect();
    headers.remove(name);
    let (last, before) = match lines.split_last() {
        Some((last, before)) => (last.as_bytes(), before),
        None => (&b""[..], &[][..]),
    };
    for line in before {
        headers.append(name.clone(), line.clone());
    }
    let written = match believed {
        ForwardedHeader::XForwardedFor => format!(", {address}"),
        ForwardedHeader::Forwarded => format!(", for={address}"),
    };
    if let Ok(value) = HeaderValue::from_bytes(&[last, written.as_bytes()].concat()) {
        headers.append(name.clone(), value);
    }
}

/// Whether an address is written somewhere in a text, in whichever of its forms.
fn stands_in(bytes: &[u8], address: IpAddr) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let is_it = |part: &str| {
        part.parse::<IpAddr>()
            .is_ok_and(|found| found.to_canonical() == address)
    };
    let around = |c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':');
    text.split(around).any(|part| {
        let without_port = part.rsplit_once(':').map(|(host, _)| host);
        // `for=` ends in no sign of an address, but `[` and `]` stand around some.
        is_it(part) || without_port.is_some_and(is_it)
    })
}

/// The rule in other words: all addresses to the right of the one that is believed are trusted proxies'.
fn is_last_untrusted(
    headers: &HeaderMap,
    name: &HeaderName,
    told: IpAddr,
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
    told == left_of_them.or(nearest_trusted).unwrap_or(peer)
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

/// Bytes as a `Cookie` header: no cookie is read that is not in it, and one of ours is read whatever stands before it.
///
/// # Panics
/// Where that does not hold.
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
    let ours = [b"munjigi_session=ours; ", bytes, b"; munjigi_device=ours"].concat();
    if let Ok(value) = HeaderValue::from_bytes(&ours) {
        let request = TestRequest::default()
            .insert_header((COOKIE, value))
            .to_http_request();
        let read = |name| cookie_header::value(&request, name);
        assert_eq!(read("munjigi_session").as_deref(), Some("ours"));
        let device = read("munjigi_device");
        assert!(device.is_some_and(|device| device == "ours" || text.contains("munjigi_device")));
    }
}

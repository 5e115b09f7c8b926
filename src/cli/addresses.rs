//! Addresses at which a listening server can be reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// An address of this machine in its network, for a server that listens on all its addresses (`0.0.0.0`); any other address
/// is returned as it is.
pub(super) fn of_network(listen: SocketAddr) -> SocketAddr {
    if !listen.ip().is_unspecified() {
        return listen;
    }
    let localhost = of_this_machine(listen).ip();
    let found = outgoing(listen.ip()).ok();
    let ip = found.filter(|ip| !ip.is_unspecified()).unwrap_or(localhost);
    SocketAddr::new(ip, listen.port())
}

/// An address at which a server that listens here can be reached from the same machine.
pub(super) fn of_this_machine(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The address from which packets leave this machine. Connecting a UDP socket sends none; the remote address is one for
/// documentation (RFC 5737, RFC 3849).
fn outgoing(any: IpAddr) -> std::io::Result<IpAddr> {
    let remote = if any.is_ipv4() {
        "192.0.2.1:9"
    } else {
        "[2001:db8::1]:9"
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
    socket.connect(remote)?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_reached_at_one_of_them() {
        for listen in ["0.0.0.0:8080", "[::]:8080"] {
            let found = of_network(listen.parse().unwrap());
            assert!(
                !found.ip().is_unspecified() && found.port() == 8080,
                "{found}"
            );
        }
        let own: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        assert_eq!(of_network(own), own);
    }

    #[test]
    fn an_unspecified_address_is_asked_on_the_loopback_interface() {
        for (listen, asked) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("10.1.2.3:8080", "10.1.2.3:8080"),
            ("0.0.0.0:8081", "127.0.0.1:8081"),
            ("[::]:8082", "[::1]:8082"),
        ] {
            let found = of_this_machine(listen.parse().unwrap());
            assert_eq!(found.to_string(), asked);
        }
    }
}

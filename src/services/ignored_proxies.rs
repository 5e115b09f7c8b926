//! Peers that send forwarded headers without being trusted proxies: their headers are ignored, so all clients behind them
//! share one address.

use std::{net::IpAddr, sync::OnceLock};

/// The first such peers since the start.
#[derive(Default)]
pub struct IgnoredProxies {
    private: OnceLock<IpAddr>,
    public: OnceLock<IpAddr>,
}

/// A peer whose forwarded headers were ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IgnoredProxy {
    /// From this machine or a private network: probably a proxy of the operator.
    Private(IpAddr),
    /// From a public address: perhaps a proxy of the operator, perhaps a client that invents the header.
    Public(IpAddr),
}

impl IgnoredProxies {
    /// Notes a peer. The first private and the first public one are logged.
    pub fn note(&self, peer: IpAddr) {
        let first = if is_private(peer) {
            &self.private
        } else {
            &self.public
        };
        if first.set(peer).is_ok() {
            tracing::warn!(
                %peer,
                "forwarded headers are ignored, because this peer is not in server.trusted_proxies; \
                 if it is your proxy, add it: until then all clients behind it share one address and its limits"
            );
        }
    }

    /// The peer to report, a private one first.
    #[must_use]
    pub fn first(&self) -> Option<IgnoredProxy> {
        let private = self.private.get().copied().map(IgnoredProxy::Private);
        private.or_else(|| self.public.get().copied().map(IgnoredProxy::Public))
    }
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            address.is_loopback() || address.is_private() || address.is_link_local()
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_peer_is_reported_before_a_public_one() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let proxies = IgnoredProxies::default();
        assert_eq!(proxies.first(), None);
        proxies.note(address("203.0.113.9"));
        proxies.note(address("203.0.113.10"));
        let public = IgnoredProxy::Public(address("203.0.113.9"));
        assert_eq!(proxies.first(), Some(public));
        for private in ["10.0.0.7", "127.0.0.1"] {
            proxies.note(address(private));
            let first = IgnoredProxy::Private(address("10.0.0.7"));
            assert_eq!(proxies.first(), Some(first));
        }
        assert!(is_private(address("fd00::1")) && is_private(address("::ffff:10.0.0.1")));
        assert!(!is_private(address("2001:db8::1")));
    }
}

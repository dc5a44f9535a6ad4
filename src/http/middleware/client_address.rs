//! Whose request it is as far as addresses tell.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use crate::domain::{ClientAddress, PRIVATE_NETWORKS};

/// Who a client is.
#[derive(Debug, Clone)]
pub struct ClientAddressPolicy {
    /// The networks of proxies that are believed when they say for whom they ask. Default: none.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they say so: addresses from the client to the last proxy but one. Default: `x-forwarded-for`.
    pub header: HeaderName,
    /// Networks whose addresses have no limits. Default: [`PRIVATE_NETWORKS`].
    pub unlimited: Vec<IpNet>,
}

impl Default for ClientAddressPolicy {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            header: HeaderName::from_static("x-forwarded-for"),
            unlimited: PRIVATE_NETWORKS.to_vec(),
        }
    }
}

impl ClientAddressPolicy {
    /// The client at the other end of a connection; `None` for a proxy that is trusted, and for what has no limits.
    pub(in crate::http) fn of_connection(&self, peer: IpAddr) -> Option<ClientAddress> {
        self.limited(peer).filter(|_| !is_in(peer, &self.trusted_proxies))
    }

    /// The client that a request came from; `None` when it has no limits.
    pub(super) fn of_request(&self, peer: IpAddr, headers: &HeaderMap) -> Option<ClientAddress> {
        let mut client = peer;
        let lines = headers.get_all(&self.header).iter().rev();
        let mut named = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        // What a proxy says of the one before it counts as long as the proxy is trusted; the rest is up to the client.
        while is_in(client, &self.trusted_proxies)
            && let Some(before) = named.next().and_then(|text| text.trim().parse().ok())
        {
            client = before;
        }
        self.limited(client)
    }

    fn limited(&self, address: IpAddr) -> Option<ClientAddress> {
        (!is_in(address, &self.unlimited)).then(|| address.into())
    }
}

fn is_in(address: IpAddr, networks: &[IpNet]) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// The client of a request, `None` when it has no limits; an extension of every request.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::http) struct LimitedClient(pub(in crate::http) Option<ClientAddress>);

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_header_counts_as_far_as_proxies_are_trusted() {
        let clients = ClientAddressPolicy {
            trusted_proxies: networks(&["127.0.0.0/8", "203.0.113.0/24"]),
            ..ClientAddressPolicy::default()
        };
        for (peer, lines, client) in [
            ("198.51.100.1", &["192.0.2.1"][..], Some("198.51.100.1")),
            ("127.0.0.1", &[], None),
            ("127.0.0.1", &["192.0.2.1"], Some("192.0.2.1")),
            ("::ffff:127.0.0.1", &["192.0.2.1"], Some("192.0.2.1")),
            ("127.0.0.1", &["192.0.2.9, 192.0.2.1 , 203.0.113.5"], Some("192.0.2.1")),
            ("127.0.0.1", &["192.0.2.9", "192.0.2.1,203.0.113.5"], Some("192.0.2.1")),
            ("127.0.0.1", &["192.0.2.9, nobody"], None),
            ("203.0.113.5", &["nobody"], Some("203.0.113.5")),
            ("127.0.0.1", &["2001:db8::1"], Some("2001:db8::/64")),
            ("127.0.0.1", &["10.0.0.1"], None),
            ("192.168.0.1", &["192.0.2.1"], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            let found = clients.of_request(peer.parse().unwrap(), &headers);
            assert_eq!(found.map(|client| client.to_string()).as_deref(), client, "{peer}: {lines:?}");
        }
    }

    #[test]
    fn proxies_and_private_networks_connect_without_a_limit() {
        let clients =
            ClientAddressPolicy { trusted_proxies: networks(&["203.0.113.0/24"]), ..ClientAddressPolicy::default() };
        for address in [
            "127.0.0.1",
            "::1",
            "10.1.2.3",
            "192.168.0.1",
            "172.18.0.1",
            "100.64.0.1",
            "fd00::1",
            "fe80::1",
            "169.254.0.1",
            "203.0.113.1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(clients.of_connection(address.parse().unwrap()), None, "{address}");
        }
        for address in ["192.0.2.1", "100.128.0.1", "172.32.0.1", "2001:db8::1"] {
            assert!(clients.of_connection(address.parse().unwrap()).is_some(), "{address}");
        }
    }
}

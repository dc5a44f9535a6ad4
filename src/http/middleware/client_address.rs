//! Determines the client address of a connection or request, and whether limits apply to it.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use crate::domain::ClientAddress;

/// Which address counts as the client, and which addresses have no limits.
#[derive(Debug, Clone)]
pub struct ClientAddressPolicy {
    /// Networks of proxies whose forwarding header is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// The forwarding header of trusted proxies: addresses from the client to the last proxy but one, as in
    /// `X-Forwarded-For`.
    pub header: HeaderName,
    /// Networks whose addresses have no limits.
    pub unlimited: Vec<IpNet>,
}

impl ClientAddressPolicy {
    /// The client address that connection limits apply to; `None` for trusted proxies and addresses without limits.
    pub(in crate::http) fn for_connection(&self, peer: IpAddr) -> Option<ClientAddress> {
        self.limited(peer).filter(|_| !is_in(peer, &self.trusted_proxies))
    }

    /// The client address that request limits apply to; `None` when the address has no limits.
    pub(super) fn for_request(&self, peer: IpAddr, headers: &HeaderMap) -> Option<ClientAddress> {
        let mut client = peer;
        let lines = headers.get_all(&self.header).iter().rev();
        let mut named = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        // Read from right to left while the previous address is a trusted proxy. Everything further left could be
        // forged.
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

/// The client address that the limits of a request apply to, `None` when there are no limits. Every request has this
/// extension.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct LimitedClient(pub(in crate::http) Option<ClientAddress>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PRIVATE_NETWORKS;

    fn policy(trusted_proxies: &[&str]) -> ClientAddressPolicy {
        ClientAddressPolicy {
            trusted_proxies: networks(trusted_proxies),
            header: HeaderName::from_static("x-forwarded-for"),
            unlimited: PRIVATE_NETWORKS.to_vec(),
        }
    }

    fn networks(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_forwarding_header_is_read_only_behind_trusted_proxies() {
        let clients = policy(&["127.0.0.0/8", "203.0.113.0/24"]);
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
            let found = clients.for_request(peer.parse().unwrap(), &headers);
            assert_eq!(found.map(|client| client.to_string()).as_deref(), client, "{peer}: {lines:?}");
        }
    }

    #[test]
    fn trusted_proxies_and_private_networks_have_no_connection_limit() {
        let clients = policy(&["203.0.113.0/24"]);
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
            assert_eq!(clients.for_connection(address.parse().unwrap()), None, "{address}");
        }
        for address in ["192.0.2.1", "100.128.0.1", "172.32.0.1", "2001:db8::1"] {
            assert!(clients.for_connection(address.parse().unwrap()).is_some(), "{address}");
        }
    }
}

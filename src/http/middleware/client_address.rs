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

    /// The client address that request limits apply to; `None` when the address has no limits. All requests of a proxy
    /// that names their client in a form that can't be read count as one client, at the proxy's own address.
    pub(super) fn for_request(&self, peer: IpAddr, headers: &HeaderMap) -> Option<ClientAddress> {
        let mut client = peer;
        let lines = headers.get_all(&self.header).iter().rev();
        let lines = lines.map(|line| String::from_utf8_lossy(line.as_bytes()));
        let named = lines.flat_map(|line| line.rsplit(',').map(read_element).collect::<Vec<_>>());
        // Read from right to left while the previous address is a trusted proxy. Everything further left could be
        // forged.
        for before in named {
            if !is_in(client, &self.trusted_proxies) {
                break;
            }
            match before {
                Some(address) => client = address,
                None => return Some(client.into()),
            }
        }
        self.limited(client)
    }

    fn limited(&self, address: IpAddr) -> Option<ClientAddress> {
        (!is_in(address, &self.unlimited)).then(|| address.into())
    }
}

/// The address in one element of the header: an address, with a port, in brackets or in quotation marks, alone as in
/// `X-Forwarded-For` or after `for=` as in `Forwarded` (RFC 7239 section 4). `None` for anything else, such as `unknown`.
fn read_element(element: &str) -> Option<IpAddr> {
    let mut node = element.trim();
    if element.contains('=') {
        let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
        let mut named = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
        node = named.next()?.1.trim();
        if named.next().is_some() {
            return None;
        }
    }
    if let Some(quoted) = node.strip_prefix('"') {
        node = quoted.strip_suffix('"')?.trim();
    }
    let (address, port) = match node.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?,
        // One colon: a port follows. Several: an IPv6 address without brackets.
        None => match node.split_once(':') {
            Some((address, port)) if !port.contains(':') => (address, &node[node.len() - port.len() - 1..]),
            _ => (node, ""),
        },
    };
    // The zone of an IPv6 address (RFC 6874) says where it is valid, not whose it is.
    let address = address.split_once('%').map_or(address, |(address, _)| address);
    let is_port = port.is_empty() || port.len() > 1 && port.starts_with(':');
    address.parse().ok().filter(|_| is_port)
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
            ("127.0.0.1", &["192.0.2.9, nobody"], Some("127.0.0.1")),
            ("127.0.0.1", &["192.0.2.9, nobody, 203.0.113.5"], Some("203.0.113.5")),
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

    /// What proxies send. A client whose address can't be read shares the limits of its proxy.
    #[test]
    fn each_form_of_a_forwarding_header_gives_a_limited_client() {
        const PROXY: &str = "127.0.0.1";
        let read = |element: &str| {
            let mut headers = HeaderMap::new();
            headers.append("x-forwarded-for", axum::http::HeaderValue::from_bytes(element.as_bytes()).unwrap());
            policy(&["127.0.0.0/8"]).for_request(PROXY.parse().unwrap(), &headers).map(|client| client.to_string())
        };
        for (element, client) in [
            ("203.0.113.8", "203.0.113.8"),
            (" 203.0.113.8 ", "203.0.113.8"),
            ("203.0.113.8:51234", "203.0.113.8"),
            ("\"203.0.113.8:51234\"", "203.0.113.8"),
            ("\"203.0.113.8\"", "203.0.113.8"),
            ("[203.0.113.8]:80", "203.0.113.8"),
            ("198.51.100.7, 203.0.113.8:51234", "203.0.113.8"),
            ("::ffff:203.0.113.8", "203.0.113.8"),
            ("[::ffff:203.0.113.8]:443", "203.0.113.8"),
            ("2001:db8::9", "2001:db8::/64"),
            ("2001:DB8::9", "2001:db8::/64"),
            ("[2001:db8::9]", "2001:db8::/64"),
            ("[2001:db8::9]:443", "2001:db8::/64"),
            ("\"[2001:db8::9]\"", "2001:db8::/64"),
            ("\"[2001:db8::9]:443\"", "2001:db8::/64"),
            ("2001:db8::9%eth0", "2001:db8::/64"),
            ("for=203.0.113.8", "203.0.113.8"),
            ("For=\"[2001:db8::9]:4711\"", "2001:db8::/64"),
            ("for=203.0.113.8;proto=http;by=198.51.100.2", "203.0.113.8"),
            ("by=198.51.100.2; FOR = \"203.0.113.8:_p\"", "203.0.113.8"),
            ("for=198.51.100.7, for=203.0.113.8", "203.0.113.8"),
            ("for=_hidden", PROXY),
            ("for=\"_SEVKISEK\"", PROXY),
            ("for=unknown;proto=https", PROXY),
            ("proto=https", PROXY),
            ("for=203.0.113.8;for=198.51.100.7", PROXY),
            ("unknown", PROXY),
            ("", PROXY),
            ("203.0.113.8,", PROXY),
            ("203.0.113.8:", PROXY),
            ("203.0.113.008", PROXY),
            ("203.0.113.8 51234", PROXY),
            ("\"203.0.113.8", PROXY),
            ("[2001:db8::9", PROXY),
            ("[2001:db8::9]443", PROXY),
            ("localhost", PROXY),
            ("caf\u{e9}", PROXY),
        ] {
            assert_eq!(read(element).as_deref(), Some(client), "{element}");
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

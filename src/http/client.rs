//! Whose request it is as far as addresses tell, and how many each of them may send.

use std::{
    hash::{BuildHasher, RandomState},
    net::{IpAddr, SocketAddr},
    ops::Range,
    sync::Arc,
    time::Duration,
};

use async_graphql::ErrorExtensionValues;
use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, StatusCode},
    middleware::Next,
    response::Response,
};
use governor::middleware::NoOpMiddleware;
use ipnet::IpNet;
use tokio::sync::Semaphore;
use tower::{Layer, ServiceExt};
use tower_governor::{GovernorError, GovernorLayer, governor::GovernorConfigBuilder, key_extractor::KeyExtractor};

use super::{
    accept::Format,
    error::{coded, errors},
};
use crate::{
    domain::{ClientAddress, PRIVATE_NETWORKS, TokenBucket},
    graphql::{set_rate_limit_headers, set_retry_after},
    telemetry::metrics,
};

/// Between how many buckets the addresses are shared out, so that their number bounds the memory that any number of
/// addresses takes.
const BUCKETS: u64 = 1 << 16;

/// How long a client waits to be told that it asks too much, in milliseconds: whoever goes on asking all the same is to
/// take no more of the server's time than those who do not. At random, lest many connections come back at once.
const REFUSAL_DELAY: Range<u64> = 100..400;

/// How many may wait at once; others are told at once.
const MOST_DELAYED: usize = 1000;

/// Who a client is.
#[derive(Debug, Clone)]
pub struct Clients {
    /// The networks of proxies that are believed when they say for whom they ask. Default: none.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they say so: addresses from the client to the last proxy but one. Default: `x-forwarded-for`.
    pub header: HeaderName,
    /// Networks whose addresses have no limits. Default: [`PRIVATE_NETWORKS`].
    pub unlimited: Vec<IpNet>,
}

impl Default for Clients {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            header: HeaderName::from_static("x-forwarded-for"),
            unlimited: PRIVATE_NETWORKS.to_vec(),
        }
    }
}

impl Clients {
    /// The client at the other end of a connection; `None` for a proxy that is trusted, and for what has no limits.
    pub(super) fn of_connection(&self, peer: IpAddr) -> Option<ClientAddress> {
        self.limited(peer).filter(|_| !is_in(peer, &self.trusted_proxies))
    }

    /// The client that a request came from; `None` when it has no limits.
    fn of_request(&self, peer: IpAddr, headers: &HeaderMap) -> Option<ClientAddress> {
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
pub(super) struct Client(pub(super) Option<ClientAddress>);

/// Finds out the client of each request, and limits how many there are of one.
pub(super) struct RequestLimit {
    clients: Arc<Clients>,
    layer: Option<GovernorLayer<BucketOf, NoOpMiddleware, Body>>,
    delayed: Semaphore,
}

impl RequestLimit {
    pub(super) fn new(clients: Arc<Clients>, bucket: Option<TokenBucket>) -> Self {
        let layer = bucket.and_then(|bucket| {
            let mut config = GovernorConfigBuilder::default().key_extractor(BucketOf::default());
            let config = config.period(bucket.refill() / bucket.capacity()).burst_size(bucket.capacity()).finish()?;
            Some(GovernorLayer::new(config).error_handler(move |error| refusal(bucket, &error)))
        });
        Self { clients, layer, delayed: Semaphore::new(MOST_DELAYED) }
    }
}

/// The layer of [`RequestLimit`]. Whatever is refused with 429 is refused a little later, whoever refused it.
pub(super) async fn limit_requests(
    State(limit): State<Arc<RequestLimit>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let client = Client(peer.and_then(|peer| limit.clients.of_request(peer, request.headers())));
    request.extensions_mut().insert(client);
    let response = match &limit.layer {
        Some(layer) if client.0.is_some() => match layer.layer(next).oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        _ => next.run(request).await,
    };
    if response.status() == StatusCode::TOO_MANY_REQUESTS
        && let Ok(_permit) = limit.delayed.try_acquire()
    {
        tokio::time::sleep(Duration::from_millis(rand::random_range(REFUSAL_DELAY))).await;
    }
    response
}

/// Which bucket the client of a request takes from. Nobody can tell who shares it.
#[derive(Debug, Clone, Default)]
struct BucketOf(RandomState);

impl KeyExtractor for BucketOf {
    type Key = u64;

    fn extract<T>(&self, request: &axum::http::Request<T>) -> Result<u64, GovernorError> {
        let client = request.extensions().get::<Client>().and_then(|client| client.0);
        client.map(|client| self.0.hash_one(client) % BUCKETS).ok_or(GovernorError::UnableToExtractKey)
    }
}

fn refusal(bucket: TokenBucket, error: &GovernorError) -> Response {
    // Rounded down there.
    let GovernorError::TooManyRequests { wait_time, .. } = error else {
        return errors(StatusCode::INTERNAL_SERVER_ERROR, Format::Json, &[coded("Internal error", "INTERNAL")]);
    };
    metrics().refusals.with_labels(["requests_per_address"]).inc();
    let (points, refill, wait) = (bucket.capacity(), bucket.refill(), wait_time + 1);
    let message = format!(
        "Too many requests: the limit is {points} in {refill:?} for one client address; try again in {wait} s."
    );
    let mut error = coded(message, "RATE_LIMITED");
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("retryAfter", wait);
    let mut response = errors(StatusCode::TOO_MANY_REQUESTS, Format::Json, &[error]);
    set_rate_limit_headers(response.headers_mut(), points, 0, refill);
    set_retry_after(response.headers_mut(), wait);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_header_counts_as_far_as_proxies_are_trusted() {
        let clients = Clients { trusted_proxies: networks(&["127.0.0.0/8", "203.0.113.0/24"]), ..Clients::default() };
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
        let clients = Clients { trusted_proxies: networks(&["203.0.113.0/24"]), ..Clients::default() };
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

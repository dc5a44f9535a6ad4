//! Settings of the HTTP server.

use std::{fmt, time::Duration};

use http::HeaderName;
use ipnet::IpNet;

use super::{Setting, section::section};
use crate::domain::PRIVATE_NETWORKS;

/// An address to listen on: `HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindAddress(String);

impl BindAddress {
    /// The loopback address with a port that the system chooses.
    pub fn any_local_port() -> Self {
        Self("127.0.0.1:0".to_owned())
    }

    /// All IPv4 addresses of this machine.
    pub(super) fn everywhere(port: u16) -> Self {
        Self(format!("0.0.0.0:{port}"))
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for BindAddress {
    /// `127.0.0.1:8080`.
    fn default() -> Self {
        Self("127.0.0.1:8080".to_owned())
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Setting for BindAddress {
    fn parse(text: &str) -> Result<Self, String> {
        let is_host = |host: &str| {
            let bracketed = host.starts_with('[') && host.ends_with(']');
            !host.is_empty() && (bracketed || !host.contains([':', '/', ' ']))
        };
        match text.rsplit_once(':') {
            Some((host, port)) if is_host(host) && port.parse::<u16>().is_ok() => Ok(Self(text.to_owned())),
            _ => Err("must be HOST:PORT, for example 127.0.0.1:8080 or [::]:8080".to_owned()),
        }
    }

    fn show(&self) -> Option<String> {
        Some(super::setting::quoted(&self.0))
    }
}

section! {
    /// The HTTP server.
    "server" Server {
        /// The address to listen on. The environment variable `PORT` alone listens on that port of all addresses.
        bind: BindAddress = BindAddress::default(), env "BIND";
        /// How long running requests may take to finish when the server stops; then they are cut off.
        grace_period: Duration = Duration::from_secs(20), in Duration::from_millis(100)..=Duration::from_secs(3600);
        /// How long the server waits at start for MongoDB, if it uses it, before it exits.
        start_wait: Duration = Duration::from_secs(60), in Duration::ZERO..=Duration::from_secs(3600);
        /// How long the server goes on accepting requests after it is told to stop, half the grace period at most.
        /// Meanwhile `/readyz` reports that it is not ready and every response closes its connection, so that a load
        /// balancer moves away without losing requests.
        handover: Duration = Duration::ZERO, in Duration::ZERO..=Duration::from_secs(3600);
        /// Over how much time WebSockets and streams are closed when the server stops, half the grace period at most. It
        /// keeps clients from reconnecting all at once.
        drain_spread: Duration = Duration::from_secs(1), in Duration::ZERO..=Duration::from_secs(3600);
        /// How many WebSockets and streams one user may have open at once on this node.
        connections_per_user: usize = 100, in 1..=1_000_000;
        /// The largest request body, in bytes.
        body_limit: usize = 1024 * 1024, in 1024..=1024 * 1024 * 1024;
        /// How long a client may take to send a request body.
        body_timeout: Duration = Duration::from_secs(30), in Duration::from_millis(100)..=Duration::from_secs(3600);
        /// The longest URL, in bytes, including the query string, which holds the operation of a GET request.
        url_limit: usize = 16 * 1024, in 256..=60_000;
        /// How many headers a request may have.
        max_headers: usize = 64, in 16..=1000;
        /// The largest request head, in bytes: the URL and all headers.
        head_limit: usize = 32 * 1024, in 4096..=1024 * 1024;
        /// How long a client may take to send a request head, counted from its first byte.
        head_timeout: Duration = Duration::from_secs(10), in Duration::from_millis(100)..=Duration::from_secs(3600);
        /// How long a connection may stay open without a request. Make it longer than the idle timeout of a load balancer
        /// in front.
        idle_timeout: Duration = Duration::from_secs(75), in Duration::from_millis(100)..=Duration::from_secs(3600);
        /// How long the server waits, in all, for a client that does not read what is sent to it, over any transport. Each
        /// 4 KiB that the client reads gives it another second. Then its connection is closed.
        write_timeout: Duration = Duration::from_secs(60), in Duration::from_millis(100)..=Duration::from_secs(3600);
        /// How long a query or mutation may run, and how long a subscription may take to open, over any transport. It is
        /// then aborted; a mutation may have taken effect nevertheless.
        execution_timeout: Duration = Duration::from_secs(30), in Duration::from_millis(100)..=Duration::from_secs(3600);
        /// How many connections may be open at once on this node, WebSockets included. Each uses a file descriptor.
        max_connections: usize = 20_000, in 1..=1_000_000;
        /// How many connections one client address may have open at once on this node. Behind a trusted proxy, whose
        /// connections are its own: how many WebSockets and streams.
        connections_per_address: usize = 1000, in 1..=1_000_000;
        /// How many bytes this node may hold for operations: what they have loaded from the database, and answers that are
        /// being written or not yet taken by a connection. Further operations wait for a moment and are then refused with
        /// UNAVAILABLE.
        answers_in_flight: usize = 256 * 1024 * 1024, in 1024 * 1024..=64 * 1024 * 1024 * 1024;
        /// How many of these bytes may be one user's, or one client address's without signing in; at least
        /// `limits.answer_bytes` and `limits.loaded_bytes` together. Further operations of theirs wait for a moment and are then
        /// refused with RATE_LIMITED.
        answers_in_flight_per_client: usize = 32 * 1024 * 1024, in 4096..=64 * 1024 * 1024 * 1024;
        /// How many bytes this node may hold of requests and messages that have not arrived whole, beyond the first 16 KiB of
        /// each connection. A connection that exceeds it is closed.
        incoming_bytes: usize = 128 * 1024 * 1024, in 1024 * 1024..=64 * 1024 * 1024 * 1024;
        /// The networks of proxies and load balancers, such as 172.16.0.0/12, whose client address header is trusted.
        /// Without them, all clients behind a proxy share the limits of one address.
        trusted_proxies: Vec<IpNet> = Vec::new();
        /// The header in which trusted proxies send the client's address. It may hold several addresses; each proxy appends
        /// the address that called it.
        client_address_header: HeaderName = HeaderName::from_static("x-forwarded-for");
        /// Networks that are exempt from limits by address. By default, loopback and private networks.
        unlimited_networks: Vec<IpNet> = PRIVATE_NETWORKS.to_vec();
        /// How often a stream over HTTP (server-sent events, multipart) sends a keep-alive.
        stream_keep_alive: Duration = Duration::from_secs(12), in Duration::from_millis(100)..=Duration::from_secs(3600);
        /// The origins whose pages may call the API, besides the server's own: `https://shop.example.com`, or `*` for all.
        /// In development, every port of localhost is allowed as well.
        cors_origins: Vec<String> = Vec::new(), env "CORS_ORIGINS";
        /// Tells browsers to use only HTTPS for this long after each response (`Strict-Transport-Security`). Set it only if
        /// every client reaches the server through a proxy with TLS.
        hsts: Option<Duration> = None, example "\"365d\"";
        /// Whether clients may introspect the schema. If unset, only in development.
        introspection: Option<bool> = None, example "true";
        /// Whether GraphiQL (`/graphiql`) and GraphQL Playground (`/playground`) are served. If unset, only in
        /// development.
        ui: Option<bool> = None, example "true";
        /// Whether the example shop (`/shop`) and its staff board (`/board`) are served.
        example_apps: bool = false;
    }
}

/// Fails when an entry of `cors_origins` is not an origin.
pub(super) fn check_origin(origin: &str) -> Result<(), String> {
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let is_origin = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', ' ', '@', '?', '#', '*']));
    if is_origin || origin == "*" {
        return Ok(());
    }
    Err(format!("{origin:?} is not an origin such as https://shop.example.com, without a path"))
}

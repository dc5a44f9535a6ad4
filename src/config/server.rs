//! The HTTP server.

use std::{fmt, time::Duration};

use http::HeaderName;
use ipnet::IpNet;

use super::{Setting, reader::section};
use crate::domain::PRIVATE_NETWORKS;

/// An address to listen on: `HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindAddress(String);

impl BindAddress {
    /// Loopback on a port that the system chooses.
    pub fn any_local_port() -> Self {
        Self("127.0.0.1:0".to_owned())
    }

    /// All addresses of this machine.
    pub(super) fn everywhere(port: u16) -> Self {
        Self(format!("0.0.0.0:{port}"))
    }

    /// As it was written.
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
            _ => Err("has to be HOST:PORT, for example 127.0.0.1:8080 or [::]:8080".to_owned()),
        }
    }

    fn show(&self) -> Option<String> {
        Some(super::setting::quoted(&self.0))
    }
}

section! {
    /// The HTTP server.
    "server" Server {
        /// Where to listen. `PORT` alone listens on that port of all addresses.
        bind: BindAddress = BindAddress::default(), env "BIND";
        /// How long the server takes at most to stop: running requests may finish, then they are cut off.
        grace_period: Duration = Duration::from_secs(20), in Duration::from_millis(100)..=Duration::from_secs(3600);
        /// How long the server waits at start for MongoDB and Redis, if it uses them, before it gives up.
        start_wait: Duration = Duration::from_secs(60), in Duration::ZERO..=Duration::from_secs(3600);
        /// How long the server goes on accepting when it is told to stop, half the grace period at most: `/readyz` says that
        /// it is not ready and every answer closes its connection, so that a load balancer turns away and loses nothing.
        handover: Duration = Duration::ZERO, in Duration::ZERO..=Duration::from_secs(3600);
        /// Over how much time WebSockets and streams are closed when the server stops, half the grace period at most, so
        /// that clients do not come back all at once.
        drain_spread: Duration = Duration::from_secs(1), in Duration::ZERO..=Duration::from_secs(3600);
        /// How many WebSockets and streams one user may have open at once on this node.
        connections_per_user: usize = 100, in 1..=1_000_000;
        /// The largest request body, in bytes.
        body_limit: usize = 1024 * 1024, in 1024..=1024 * 1024 * 1024;
        /// How long a client may take to send a body.
        body_timeout: Duration = Duration::from_secs(30), in Duration::from_millis(100)..=Duration::from_secs(3600);
        /// The longest URL, in bytes, with its query: where a GET request has its operation.
        url_limit: usize = 16 * 1024, in 256..=60_000;
        /// How many headers a request may have.
        max_headers: usize = 64, in 16..=1000;
        /// The largest head of a request, in bytes: the URL and all headers.
        head_limit: usize = 32 * 1024, in 4096..=1024 * 1024;
        /// How long a client may take to send the head of a request, from its first byte on.
        head_timeout: Duration = Duration::from_secs(10), in Duration::from_millis(100)..=Duration::from_secs(3600);
        /// How long a connection may stay open without a request. Longer than a load balancer in front keeps it.
        idle_timeout: Duration = Duration::from_secs(75), in Duration::from_millis(100)..=Duration::from_secs(3600);
        /// How long a query or a mutation may run and a subscription take to open, over WebSockets and streams too. It is
        /// given up then; a mutation may have happened all the same.
        execution_timeout: Duration = Duration::from_secs(30), in Duration::from_millis(100)..=Duration::from_secs(3600);
        /// How many connections may be open at once on this node, WebSockets included; each takes a file descriptor.
        max_connections: usize = 20_000, in 1..=1_000_000;
        /// How many of them one client address may have.
        connections_per_address: usize = 1000, in 1..=1_000_000;
        /// The networks of proxies and load balancers, such as 172.16.0.0/12, that are believed when they say for whom they
        /// ask. Without them, all clients behind a proxy are one as far as limits by address go.
        trusted_proxies: Vec<IpNet> = Vec::new();
        /// The header in which trusted proxies say so. It may have several addresses, each proxy adding the one that it was
        /// called from.
        client_address_header: HeaderName = HeaderName::from_static("x-forwarded-for");
        /// Networks whose addresses have no limits by address. Unless set, those of this machine and private ones.
        unlimited_networks: Vec<IpNet> = PRIVATE_NETWORKS.to_vec();
        /// How often a stream over HTTP (server-sent events, multipart) says that it lives.
        stream_keep_alive: Duration = Duration::from_secs(12), in Duration::from_millis(100)..=Duration::from_secs(3600);
        /// The origins whose pages may call, besides the server's own: `https://shop.example.com`, or `*` for all.
        /// In development, every port of localhost may call as well.
        cors_origins: Vec<String> = Vec::new(), env "CORS_ORIGINS";
        /// Tells browsers to come by HTTPS only, for this long after each answer (`Strict-Transport-Security`). For servers
        /// that are reached through a proxy with TLS and in no other way.
        hsts: Option<Duration> = None, example "\"365d\"";
        /// Whether clients may ask for the schema. Unless set: in development only.
        introspection: Option<bool> = None, example "true";
        /// Whether GraphiQL (`/graphiql`) and GraphQL Playground (`/playground`) are served. Unless set: in development
        /// only.
        ui: Option<bool> = None, example "true";
        /// Whether the example shop (`/shop`) and its staff board (`/board`) are served.
        example_apps: bool = false;
    }
}

/// What is wrong with an origin of `cors_origins`, if anything.
pub(super) fn check_origin(origin: &str) -> Result<(), String> {
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let is_origin = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', ' ', '@', '?', '#', '*']));
    if is_origin || origin == "*" {
        return Ok(());
    }
    Err(format!("{origin:?} is not an origin such as https://shop.example.com, without a path"))
}

//! How the HTTP server behaves.

use std::{sync::Arc, time::Duration};

use super::middleware::{client_address::ClientAddressPolicy, security::AllowedOrigins};
use crate::domain::TokenBucket;

/// How the HTTP server behaves.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// The largest request body taken, in bytes; a larger one is answered with 413. Default: 1 MiB.
    pub body_limit: usize,
    /// How long a client may take to send a body. Default: 30 s.
    pub body_timeout: Duration,
    /// How long a query or a mutation may run. Default: 30 s.
    pub execution_timeout: Duration,
    /// What a connection and the head of a request may take.
    pub limits: ServerLimits,
    /// For how long browsers are told to come by HTTPS only. Default: they are not.
    pub hsts: Option<Duration>,
    /// Which other origins a browser may call from; also checked when a WebSocket opens. Default: none.
    pub origins: AllowedOrigins,
    /// Whether the UI is served. Default: yes.
    pub ui: bool,
    /// Whether the example shop and its staff board are served. Default: no.
    pub example_apps: bool,
    /// Whether `/schema.graphql` is served. Default: yes.
    pub schema: bool,
    /// How often a stream over HTTP says that it lives. Default: 12 s.
    pub keep_alive: Duration,
    /// How many WebSockets and streams one user may have open at once on this node. Default: 100.
    pub connections_per_user: usize,
    /// Over how much time connections are closed at shutdown, half the grace period at most, lest all clients come back
    /// at once. Default: 1 s.
    pub drain_spread: Duration,
    /// WebSocket limits and times.
    pub websocket: WebSocketOptions,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            body_limit: 1024 * 1024,
            body_timeout: Duration::from_secs(30),
            execution_timeout: Duration::from_secs(30),
            limits: ServerLimits::default(),
            hsts: None,
            origins: AllowedOrigins::default(),
            ui: true,
            example_apps: false,
            schema: true,
            keep_alive: Duration::from_secs(12),
            connections_per_user: 100,
            drain_spread: Duration::from_secs(1),
            websocket: WebSocketOptions::default(),
        }
    }
}

/// Bounds on connections and on the head of a request. A head of up to half again as much is read, so that the usual
/// offender is told of the limit; what is larger is answered with a bare 431.
#[derive(Debug, Clone)]
pub struct ServerLimits {
    /// The longest URL, in bytes; a longer one is answered with 414. Default: 16 KiB.
    pub url: usize,
    /// How many headers a request may have; more are answered with 431. Default: 64.
    pub headers: usize,
    /// The largest head, in bytes; a larger one is answered with 431. Default: 32 KiB.
    pub head: usize,
    /// How long a head may take from its first byte to its last; then the answer is 408. Default: 10 s.
    pub head_timeout: Duration,
    /// How long a connection may stay open without a request. Default: 75 s.
    pub idle_timeout: Duration,
    /// How many connections may be open at once; further ones are answered with 503. Default: 20,000.
    pub connections: usize,
    /// How many of them one client address may have. Default: 1,000.
    pub connections_per_address: usize,
    /// How many requests one client address may send; more are answered with 429. Default: any number.
    pub requests_per_address: Option<TokenBucket>,
    /// What counts as one client address.
    pub clients: Arc<ClientAddressPolicy>,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            url: 16 * 1024,
            headers: 64,
            head: 32 * 1024,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            connections: 20_000,
            connections_per_address: 1000,
            requests_per_address: None,
            clients: Arc::default(),
        }
    }
}

/// WebSocket limits and times.
#[derive(Debug, Clone)]
pub struct WebSocketOptions {
    /// How long a client may take to send `connection_init`. Default: 3 s.
    pub init_timeout: Duration,
    /// How often the server sends a ping frame. Default: 12 s.
    pub ping_interval: Duration,
    /// How long after a client's last frame it counts as gone. Default: 30 s.
    pub dead_after: Duration,
    /// How many operations may run at once on one socket. Default: 64.
    pub max_operations: usize,
    /// The largest message taken, in bytes. Default: 128 KiB.
    pub max_message: usize,
}

impl Default for WebSocketOptions {
    fn default() -> Self {
        Self {
            init_timeout: Duration::from_secs(3),
            ping_interval: Duration::from_secs(12),
            dead_after: Duration::from_secs(30),
            max_operations: 64,
            max_message: 128 * 1024,
        }
    }
}

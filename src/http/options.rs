//! How the HTTP server behaves.

use std::{sync::Arc, time::Duration};

use super::middleware::{client_address::ClientAddressPolicy, security::AllowedOrigins};
use crate::domain::TokenBucket;

/// How the HTTP server behaves.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// The largest request body taken, in bytes; a larger one is answered with 413.
    pub body_limit: usize,
    /// How long a client may take to send a body.
    pub body_timeout: Duration,
    /// How long a query or a mutation may run.
    pub execution_timeout: Duration,
    /// What a connection and the head of a request may take.
    pub limits: ServerLimits,
    /// For how long browsers are told to come by HTTPS only.
    pub hsts: Option<Duration>,
    /// Which other origins a browser may call from; also checked when a WebSocket opens.
    pub origins: AllowedOrigins,
    /// Whether the UI is served.
    pub ui: bool,
    /// Whether the example shop and its staff board are served.
    pub example_apps: bool,
    /// Whether `/schema.graphql` is served.
    pub schema: bool,
    /// How often a stream over HTTP says that it lives.
    pub keep_alive: Duration,
    /// How many WebSockets and streams one user may have open at once on this node.
    pub connections_per_user: usize,
    /// Over how much time connections are closed at shutdown, half the grace period at most, lest all clients come back
    /// at once.
    pub drain_spread: Duration,
    /// WebSocket limits and times.
    pub websocket: WebSocketOptions,
}

/// Bounds on connections and on the head of a request. A head of up to half again as much is read, so that the usual
/// offender is told of the limit; what is larger is answered with a bare 431.
#[derive(Debug, Clone)]
pub struct ServerLimits {
    /// The longest URL, in bytes; a longer one is answered with 414.
    pub url: usize,
    /// How many headers a request may have; more are answered with 431.
    pub headers: usize,
    /// The largest head, in bytes; a larger one is answered with 431.
    pub head: usize,
    /// How long a head may take from its first byte to its last; then the answer is 408.
    pub head_timeout: Duration,
    /// How long a connection may stay open without a request.
    pub idle_timeout: Duration,
    /// How many connections may be open at once; further ones are answered with 503.
    pub connections: usize,
    /// How many of them one client address may have.
    pub connections_per_address: usize,
    /// How many requests one client address may send; more are answered with 429.
    pub requests_per_address: Option<TokenBucket>,
    /// What counts as one client address.
    pub clients: Arc<ClientAddressPolicy>,
}

/// WebSocket limits and times.
#[derive(Debug, Clone)]
pub struct WebSocketOptions {
    /// How long a client may take to send `connection_init`.
    pub init_timeout: Duration,
    /// How often the server sends a ping frame.
    pub ping_interval: Duration,
    /// How long after a client's last frame it counts as gone.
    pub dead_after: Duration,
    /// How many operations may run at once on one socket.
    pub max_operations: usize,
    /// The largest message taken, in bytes.
    pub max_message: usize,
}

//! Options of the HTTP server. Their defaults are in `config`.

use std::{sync::Arc, time::Duration};

use super::middleware::{client_address::ClientAddressPolicy, security::AllowedOrigins};

/// Options of the HTTP server.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Maximum size of a request body, in bytes. Larger ones get 413.
    pub body_limit: usize,
    /// How long a client may take to send a body before it gets 408.
    pub body_timeout: Duration,
    /// How long a query or mutation may run, and a subscription take to open.
    pub execution_timeout: Duration,
    /// Limits on connections and request heads.
    pub limits: ServerLimits,
    /// `max-age` of `Strict-Transport-Security`; `None` leaves the header out.
    pub hsts: Option<Duration>,
    /// Origins whose pages may call the API, besides the server's own. Also checked when a WebSocket opens.
    pub origins: AllowedOrigins,
    /// Whether GraphiQL and GraphQL Playground are served.
    pub ui: bool,
    /// Whether the example shop and its staff board are served.
    pub example_apps: bool,
    /// Whether `/schema.graphql` and `/docs/scalars.md` are served.
    pub schema: bool,
    /// How often a stream over HTTP sends a keep-alive message.
    pub keep_alive: Duration,
    /// How many WebSockets and streams one user may have open on this node.
    pub connections_per_user: usize,
    /// At shutdown, connections are closed spread over this time, at most half the grace period, so that clients don't
    /// reconnect all at once.
    pub drain_spread: Duration,
    /// Limits and timeouts of WebSockets.
    pub websocket: WebSocketOptions,
}

/// Limits on connections and on the head of a request. Up to one and a half times the allowed head is read, so that a
/// request just above a limit gets an error that names it. A larger one gets a bare 431.
#[derive(Debug, Clone)]
pub struct ServerLimits {
    /// Maximum length of the URL, in bytes. Longer ones get 414.
    pub url: usize,
    /// Maximum number of headers. More get 431.
    pub headers: usize,
    /// Maximum size of the head, in bytes. Larger ones get 431.
    pub head: usize,
    /// How long a head may take from its first to its last byte before the client gets 408.
    pub head_timeout: Duration,
    /// How long a connection may stay open without a request.
    pub idle_timeout: Duration,
    /// Maximum number of bytes of requests and messages that have not arrived whole, beyond the first 16 KiB of each connection.
    /// A connection that exceeds it is closed.
    pub incoming: usize,
    /// How much of it one connection holds at most, in bytes.
    pub incoming_per_connection: usize,
    /// How long the server waits, in all, for a client that does not read. Each 4 KiB that it reads gives it another second.
    pub write_timeout: Duration,
    /// Maximum number of open connections on this node. Further ones get 503.
    pub connections: usize,
    /// Maximum number of open connections of one client address. Further ones get 503.
    pub connections_per_address: usize,
    /// How client addresses are determined, and which have no limits.
    pub clients: Arc<ClientAddressPolicy>,
}

/// Limits and timeouts of WebSockets.
#[derive(Debug, Clone)]
pub struct WebSocketOptions {
    /// How long a client may take to send `connection_init`.
    pub init_timeout: Duration,
    /// How often the server sends a ping frame.
    pub ping_interval: Duration,
    /// How long after its last frame a client counts as disconnected.
    pub dead_after: Duration,
    /// Maximum number of operations that run at once on one socket.
    pub max_operations: usize,
    /// Maximum size of a message from a client, in bytes.
    pub max_message: usize,
}

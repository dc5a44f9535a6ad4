//! The HTTP server: GraphQL over HTTP and WebSocket, the UI, health.
//!
//! | route | |
//! | --- | --- |
//! | `/graphql` | POST and GET by the GraphQL-over-HTTP specification; event streams and multipart by `Accept`; WebSocket upgrade, `graphql-transport-ws` and `graphql-ws` |
//! | `/`, `/graphiql`, `/ui/…` | GraphiQL, when the UI is on |
//! | `/playground`, `/playground/…` | GraphQL Playground, when the UI is on |
//! | `/shop`, `/board`, `/apps/…` | the example shop and its staff board, when they are on |
//! | `/schema.graphql` | the schema, when it is public |
//! | `/healthz`, `/readyz` | alive; can serve |
//!
//! Every answer carries `x-request-id` and the security headers, and every error is GraphQL-shaped JSON:
//! `{"errors":[{"message":…,"extensions":{"code":…}}]}`.

mod accept;
mod body;
mod client;
mod compression;
mod connection;
mod door;
mod error;
mod graphql_http;
mod health;
mod limits;
mod metrics;
mod observe;
mod params;
mod router;
mod seats;
mod security;
mod serve;
mod stream;
mod time_limit;
mod ui;
mod websocket;
mod wire;

use std::time::Duration;

pub use client::Clients;
pub use limits::Limits;
pub use metrics::serve_metrics;
pub use router::router;
pub use security::AllowedOrigins;
pub use serve::serve;
pub use websocket::WebSocketOptions;
#[doc(hidden)]
pub use websocket::reads_websocket_message;

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
    pub limits: Limits,
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
            limits: Limits::default(),
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

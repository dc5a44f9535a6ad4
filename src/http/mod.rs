//! The HTTP server: GraphQL over HTTP and WebSocket, the UI, health.
//!
//! | route | |
//! | --- | --- |
//! | `/graphql` | POST and GET by the GraphQL-over-HTTP specification; event streams and multipart by `Accept`; WebSocket upgrade, `graphql-transport-ws` and `graphql-ws` |
//! | `/`, `/graphiql`, `/ui/…` | GraphiQL, when the UI is on |
//! | `/playground`, `/playground/…` | GraphQL Playground, when the UI is on |
//! | `/shop`, `/board`, `/apps/…` | the example shop and its staff board, when they are on |
//! | `/schema.graphql` | the schema, when it is public |
//! | `/docs/scalars.md` | what its scalars are, when it is public |
//! | `/healthz`, `/readyz` | alive; can serve |
//!
//! Every response has `x-request-id` and the security headers, and every error is GraphQL-shaped JSON:
//! `{"errors":[{"message":…,"extensions":{"code":…}}]}`.
//!
//! Decision: `docs/decisions/0003-own-transports.md`.

mod accept_header;
mod authorization;
mod deadline;
mod entity_tag;
mod error;
mod graphql;
mod graphql_error;
mod health;
mod metrics;
mod middleware;
mod options;
mod response_format;
mod router;
mod server;
mod state;
mod ui;
mod websocket;

pub use metrics::serve_metrics;
pub use middleware::{client_address::ClientAddressPolicy, security::AllowedOrigins};
pub use options::{HttpOptions, ServerLimits, WebSocketOptions};
pub use router::router;
pub use server::serve;
#[doc(hidden)]
pub use websocket::reads_websocket_message;

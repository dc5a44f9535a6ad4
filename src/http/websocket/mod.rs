//! GraphQL over WebSocket: `transport` turns bytes into messages of a subprotocol, `session` acts on the messages.
//!
//! Decision: `docs/decisions/0015-websocket-writes.md`.

mod ready_sources;
mod session;
mod transport;
mod upgrade;

pub(in crate::http) use transport::handshake::asks_for_websocket;
#[doc(hidden)]
pub use transport::protocol::reads_websocket_message;
pub(in crate::http) use upgrade::upgrade;

//! GraphQL over WebSocket.

mod ready_sources;
mod session;
mod transport;
mod upgrade;

#[doc(hidden)]
pub use transport::protocol::reads_websocket_message;
pub(in crate::http) use upgrade::upgrade;

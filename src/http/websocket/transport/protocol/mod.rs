//! The two subprotocols. They share one set of messages; each has a codec for them.

mod codec;
mod envelope;
mod json;
mod legacy;
mod message;
mod modern;

pub(in crate::http::websocket) use codec::Protocol;
#[doc(hidden)]
pub use codec::reads_websocket_message;
pub(in crate::http::websocket) use message::{ClientMessage, InvalidMessage, OperationPosition, ServerMessage};

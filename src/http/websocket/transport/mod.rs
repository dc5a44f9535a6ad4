//! Turns the bytes of a connection into messages of a subprotocol, and back.

pub(in crate::http::websocket) mod frames;
pub(in crate::http::websocket) mod handshake;
pub(in crate::http::websocket) mod protocol;
mod write_buffered;

//! One WebSocket session: authentication, running operations, timers and replies.

mod identity;
mod operations;
pub(in crate::http::websocket) mod socket;
mod timers;

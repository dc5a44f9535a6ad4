//! What a connection does with the messages.

mod identity;
mod operations;
pub(in crate::http::websocket) mod socket;
mod timers;

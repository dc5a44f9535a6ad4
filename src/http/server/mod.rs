//! Accepts connections within limits, serves HTTP on them and shuts down in order.

mod connection;
mod connection_limiter;
mod head_timer;
mod incoming;
mod keyed_limiter;
mod serve;
mod shutdown;
mod write_timeout;

pub(in crate::http) use connection::Connection;
pub(in crate::http) use keyed_limiter::{KeyedLimiter, Permit};
pub use serve::serve;
pub(in crate::http) use shutdown::Shutdown;

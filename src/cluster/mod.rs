//! What the nodes of a deployment share besides the database.
//!
//! - [`EventBus`]: carries committed events to every node.
//! - [`RateLimiter`]: counts what each client has left of its rate limits.
//! - [`RegisteredDocuments`]: keeps the GraphQL documents that clients send by hash.
//!
//! Each has an implementation within the process, and one over Redis that falls back to it while Redis is away.

mod backoff;
mod documents;
mod events;
pub mod local;
mod rate_limits;
pub mod redis;

pub use backoff::Backoff;
pub use documents::{LimitedDocuments, MemoryDocuments, RegisteredDocuments};
pub use events::{BusMessage, BusReceiver, EventBus};
pub use rate_limits::{BucketState, Exhausted, MemoryRateLimiter, RateLimiter};

//! What nodes share over Redis. The names of keys and channels hold the log's id, which keeps deployments that use the
//! same Redis apart; database numbers do not separate pub/sub channels.

mod bus;
mod client;
mod documents;
mod link;
mod rate_limits;

pub use bus::RedisBus;
pub use client::ConnectError;
pub use documents::RedisDocuments;
pub use rate_limits::RedisRateLimiter;

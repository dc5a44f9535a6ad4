//! What nodes share over Redis. The names of keys and channels hold the log's id, which keeps deployments that use the
//! same Redis apart; database numbers do not separate pub/sub channels.

mod bounded;
mod bus;
mod client;
mod documents;
mod eviction;
mod link;
mod rate_limits;
mod settler;
mod values;

pub use bus::RedisBus;
pub use client::{ConnectError, check_url};
pub use documents::{DocumentRetention, RedisDocuments};
pub use eviction::{evicting_policy, warn_of_eviction};
pub use rate_limits::RedisRateLimiter;
pub use values::RedisValues;

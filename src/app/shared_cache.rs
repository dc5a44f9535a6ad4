//! The cache that nodes share, in Redis.
//!
//! Decision: `docs/decisions/0038-shared-cache.md`.

use std::time::Duration;

use async_trait::async_trait;

use crate::{
    cluster::redis::{ConnectError, RedisValues},
    domain::LogId,
    storage::SharedCache,
};

/// How long a value is kept. Somebody may change the database by hand or import something, without an entry in the log.
const LIFETIME: Duration = Duration::from_secs(60);

/// A [`SharedCache`] in Redis.
pub struct RedisCache(RedisValues);

impl RedisCache {
    /// What the nodes of the deployment with this log keep for each other, up to `bytes` together. The only error is
    /// [`ConnectError::Url`]. Must be called within a Tokio runtime.
    pub fn open(url: &str, log: LogId, bytes: u64) -> Result<Self, ConnectError> {
        Ok(Self(RedisValues::open(url, log, LIFETIME, bytes)?))
    }
}

#[async_trait]
impl SharedCache for RedisCache {
    async fn get(&self, names: &[String]) -> Vec<Option<Vec<u8>>> {
        self.0.get(names).await
    }

    fn put(&self, values: Vec<(String, Vec<u8>)>) {
        self.0.put(values);
    }
}

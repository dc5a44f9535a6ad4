//! Values that nodes keep for each other in Redis, and can do without.
//!
//! Decision: `docs/decisions/0038-shared-cache.md`.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use super::{
    bounded::{Bounded, Value},
    client::{ConnectError, OptionalRedis},
};
use crate::domain::LogId;

/// How long a look-up may take: a read waits for it, and the database would answer it soon.
const CALL_TIMEOUT: Duration = Duration::from_millis(50);
/// Bytes that wait to be stored. More than that are not stored.
const WAITING: usize = 4 * 1024 * 1024;
/// What Redis takes for a value besides its bytes, by estimate: the key, and its place in the index.
const ENTRY_BYTES: usize = 256;

/// Values in Redis by name, bounded by bytes and by time. While Redis is away it has none, and keeps none.
pub struct RedisValues {
    redis: Arc<OptionalRedis>,
    prefix: String,
    values: Arc<Bounded>,
    waiting: Arc<Semaphore>,
}

impl RedisValues {
    /// Values of the deployment with this log, each kept for `keep`, up to `bytes` together. The only error is
    /// [`ConnectError::Url`]: the connection is made at the first call. Must be called within a Tokio runtime.
    pub fn open(url: &str, log: LogId, keep: Duration, bytes: u64) -> Result<Self, ConnectError> {
        let prefix = format!("orderwire:{:08x}:value:", log.0);
        Ok(Self {
            redis: Arc::new(OptionalRedis::open(url, "a cache", CALL_TIMEOUT)?),
            values: Arc::new(Bounded::new(&prefix, "index", keep, bytes)),
            prefix,
            waiting: Arc::new(Semaphore::new(WAITING)),
        })
    }

    /// The values with these names, in their order. Takes 50 ms at most.
    pub async fn get(&self, names: &[String]) -> Vec<Option<Vec<u8>>> {
        let mut get = redis::cmd("MGET");
        for name in names {
            get.arg(format!("{}{name}", self.prefix));
        }
        let values = self.redis.call(async |connection| get.query_async(connection).await).await;
        values.unwrap_or_else(|| vec![None; names.len()])
    }

    /// Stores values under names, soon. Must be called within a Tokio runtime.
    pub fn put(&self, values: Vec<(String, Vec<u8>)>) {
        let bytes = values.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        let Some(permit) =
            u32::try_from(bytes).ok().and_then(|bytes| Arc::clone(&self.waiting).try_acquire_many_owned(bytes).ok())
        else {
            return;
        };
        let (redis, stored) = (Arc::clone(&self.redis), Arc::clone(&self.values));
        tokio::spawn(async move {
            let values = values.iter().map(|(name, value)| Value {
                name: name.clone(),
                bytes: name.len() + value.len() + ENTRY_BYTES,
                value,
            });
            stored.put(&redis, values).await;
            drop(permit);
        });
    }
}

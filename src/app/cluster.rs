//! What nodes share: in memory for a single node, in Redis for a deployment of several.

use std::{sync::Arc, time::Duration};

use super::{error::StartError, retry::retry_until_ready};
use crate::{
    cluster::{
        EventBus, MemoryDocuments, MemoryRateLimiter, RateLimiter, RegisteredDocuments,
        local::LocalBus,
        redis::{ConnectError, RedisBus, RedisDocuments, RedisRateLimiter},
    },
    config::{Config, RedisUrl},
    domain::LogId,
    storage::Store,
    telemetry::metrics,
};

/// The Redis that the nodes of a deployment share, and the log that tells deployments apart.
pub(super) struct RedisDeployment {
    url: RedisUrl,
    log: LogId,
}

impl RedisDeployment {
    /// Reads the log's id from the store. `None` if no Redis is configured.
    pub async fn open(config: &Config, store: &dyn Store) -> Result<Option<Self>, StartError> {
        let Some(url) = config.redis.url.clone() else { return Ok(None) };
        Ok(Some(Self { url, log: store.log_state().await?.log }))
    }
}

/// Connects to the event bus, and retries for up to `wait` while Redis is unreachable.
pub(super) async fn open_bus(
    config: &Config,
    redis: Option<&RedisDeployment>,
    wait: Duration,
) -> Result<Arc<dyn EventBus>, StartError> {
    let Some(RedisDeployment { url, log }) = redis else {
        // A single node has nobody to connect to, so it counts as connected.
        metrics().bus_connected.set(1);
        return Ok(Arc::new(LocalBus::new()));
    };
    let is_retryable = |error: &ConnectError| matches!(error, ConnectError::Unreachable { .. });
    let connect = async || RedisBus::connect(url.reveal(), *log, config.redis.connect_timeout).await;
    Ok(Arc::new(retry_until_ready("Redis", wait, is_retryable, connect).await?))
}

/// The documents that clients registered.
pub(super) fn registered_documents(
    config: &Config,
    redis: Option<&RedisDeployment>,
) -> Result<Arc<dyn RegisteredDocuments>, StartError> {
    let memory = MemoryDocuments::new(config.operations.registered as u64);
    Ok(match redis {
        None => Arc::new(memory),
        Some(RedisDeployment { url, log }) => {
            Arc::new(RedisDocuments::open(url.reveal(), *log, memory, config.operations.registered_for)?)
        }
    })
}

/// The limiter that counts what clients spend.
pub(super) fn rate_limiter(redis: Option<&RedisDeployment>) -> Result<Arc<dyn RateLimiter>, StartError> {
    Ok(match redis {
        None => Arc::new(MemoryRateLimiter::default()),
        Some(RedisDeployment { url, log }) => Arc::new(RedisRateLimiter::open(url.reveal(), *log)?),
    })
}

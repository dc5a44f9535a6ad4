//! What nodes share: in memory for a single node, in Redis for a deployment of several.

use std::sync::Arc;

use super::{error::StartError, shared_cache::RedisCache};
use crate::{
    cluster::{
        EventBus, LimitedDocuments, MemoryDocuments, MemoryRateLimiter, RateLimiter, RegisteredDocuments,
        local::LocalBus,
        redis::{DocumentRetention, RedisBus, RedisDocuments, RedisRateLimiter, warn_of_eviction},
    },
    config::{Config, RedisUrl},
    domain::LogId,
    storage::{SharedCache, Store},
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

/// What nodes have read and keep for each other; `None` if they are to keep nothing, or have no Redis.
pub(super) fn shared_cache(
    config: &Config,
    redis: Option<&RedisDeployment>,
) -> Result<Option<Arc<dyn SharedCache>>, StartError> {
    let bytes = config.cache.shared_bytes as u64;
    let Some(RedisDeployment { url, log }) = redis.filter(|_| bytes > 0) else { return Ok(None) };
    Ok(Some(Arc::new(RedisCache::open(url.reveal(), *log, bytes)?)))
}

/// Opens the event bus, which works without Redis until it is there. Fails if Redis refuses the connection.
pub(super) async fn open_bus(
    config: &Config,
    redis: Option<&RedisDeployment>,
) -> Result<Arc<dyn EventBus>, StartError> {
    let Some(RedisDeployment { url, log }) = redis else {
        // A single node has nobody to connect to, so it counts as connected.
        metrics().bus_connected.set(1);
        return Ok(Arc::new(LocalBus::new()));
    };
    let bus = RedisBus::connect(url.reveal(), *log, config.redis.connect_timeout).await?;
    if bus.is_connected() {
        warn_of_eviction(url.reveal()).await;
    }
    Ok(Arc::new(bus))
}

/// A store of registered documents in the memory of this process.
pub(super) fn memory_documents(config: &Config) -> MemoryDocuments {
    MemoryDocuments::new(config.operations.registered as u64)
}

/// The documents that clients registered.
pub(super) fn registered_documents(
    config: &Config,
    redis: Option<&RedisDeployment>,
    limiter: Arc<dyn RateLimiter>,
) -> Result<LimitedDocuments, StartError> {
    let memory = memory_documents(config);
    let documents: Arc<dyn RegisteredDocuments> = match redis {
        None => Arc::new(memory),
        Some(RedisDeployment { url, log }) => {
            let operations = &config.operations;
            let retention =
                DocumentRetention { keep: operations.registered_for, bytes: operations.registered_shared as u64 };
            Arc::new(RedisDocuments::open(url.reveal(), *log, memory, retention)?)
        }
    };
    let limits = &config.rate_limits;
    Ok(LimitedDocuments {
        documents,
        limiter,
        bytes_per_user: limits.registered_bytes_per_user.0,
        bytes_per_address: limits.registered_bytes_per_address.0,
    })
}

/// The limiter that counts what clients spend.
pub(super) fn rate_limiter(redis: Option<&RedisDeployment>) -> Result<Arc<dyn RateLimiter>, StartError> {
    Ok(match redis {
        None => Arc::new(MemoryRateLimiter::default()),
        Some(RedisDeployment { url, log }) => Arc::new(RedisRateLimiter::open(url.reveal(), *log)?),
    })
}

//! Registered documents of all nodes, kept in Redis.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use redis::AsyncCommands;

use super::client::{ConnectError, OptionalRedis};
use crate::{
    cluster::{MemoryDocuments, RegisteredDocuments},
    domain::LogId,
};

/// [`RegisteredDocuments`] shared by the nodes of a deployment. While Redis is away, each node has its own.
pub struct RedisDocuments {
    memory: MemoryDocuments,
    redis: OptionalRedis,
    prefix: String,
    keep: Duration,
}

impl RedisDocuments {
    /// The documents of the deployment with this log. `memory` caches them on this node; Redis keeps each for `keep`.
    /// The only error is [`ConnectError::Url`]: the connection is made at the first call. Must be called within a Tokio
    /// runtime.
    pub fn open(url: &str, log: LogId, memory: MemoryDocuments, keep: Duration) -> Result<Self, ConnectError> {
        let redis = OptionalRedis::open(url, "registered documents")?;
        Ok(Self { memory, redis, prefix: format!("orderwire:{:08x}:operation:", log.0), keep })
    }

    fn key(&self, hash: [u8; 32]) -> String {
        format!("{}{}", self.prefix, hex::encode(hash))
    }
}

#[async_trait]
impl RegisteredDocuments for RedisDocuments {
    async fn get(&self, hash: [u8; 32]) -> Option<Arc<str>> {
        if let Some(document) = self.memory.get(hash).await {
            return Some(document);
        }
        let key = self.key(hash);
        let document: Option<String> = self.redis.call(async |connection| connection.get(key).await).await?;
        let document: Arc<str> = document?.into();
        self.memory.put(hash, document.clone()).await;
        Some(document)
    }

    async fn put(&self, hash: [u8; 32], document: Arc<str>) {
        let (key, seconds) = (self.key(hash), self.keep.as_secs().max(1));
        self.redis.call(async |connection| connection.set_ex::<_, _, ()>(key, &*document, seconds).await).await;
        self.memory.put(hash, document).await;
    }
}

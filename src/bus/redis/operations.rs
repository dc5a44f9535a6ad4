//! Documents that clients registered with any node, kept in Redis.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use redis::AsyncCommands;

use super::{BusError, shared::Shared};
use crate::{
    bus::{MemoryOperations, OperationStore},
    domain::LogId,
};

/// An [`OperationStore`] of all nodes of a deployment. While Redis is away, it is one of this node alone.
pub struct RedisOperations {
    memory: MemoryOperations,
    shared: Shared,
    prefix: String,
    keep: Duration,
}

impl RedisOperations {
    /// Of the deployment with this log. `memory` is what this node keeps at hand; Redis keeps a document for `keep`.
    /// Connects when it is used first; the only error is [`BusError::Url`]. Must be called within a Tokio runtime.
    pub fn open(url: &str, log: LogId, memory: MemoryOperations, keep: Duration) -> Result<Self, BusError> {
        let shared = Shared::open(url, "registered operations")?;
        Ok(Self { memory, shared, prefix: format!("orderwire:{:08x}:operation:", log.0), keep })
    }

    fn key(&self, hash: [u8; 32]) -> String {
        format!("{}{}", self.prefix, hex::encode(hash))
    }
}

#[async_trait]
impl OperationStore for RedisOperations {
    async fn get(&self, hash: [u8; 32]) -> Option<Arc<str>> {
        if let Some(document) = self.memory.get(hash).await {
            return Some(document);
        }
        let key = self.key(hash);
        let document: Option<String> = self.shared.ask(async |connection| connection.get(key).await).await?;
        let document: Arc<str> = document?.into();
        self.memory.put(hash, document.clone()).await;
        Some(document)
    }

    async fn put(&self, hash: [u8; 32], document: Arc<str>) {
        let (key, seconds) = (self.key(hash), self.keep.as_secs().max(1));
        self.shared.ask(async |connection| connection.set_ex::<_, _, ()>(key, &*document, seconds).await).await;
        self.memory.put(hash, document).await;
    }
}

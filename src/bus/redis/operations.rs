//! Documents that clients registered with any node, kept in Redis.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use redis::{
    AsyncCommands, Client, RedisError,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::time::timeout;
use tracing::{info, warn};

use super::{BusError, client};
use crate::{
    bus::{MemoryOperations, OperationStore},
    domain::LogId,
};

/// How long Redis may take to answer, connecting included.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long Redis is left alone after it failed.
const PAUSE: Duration = Duration::from_secs(1);

/// An [`OperationStore`] of all nodes of a deployment. While Redis is away, it is one of this node alone.
pub struct RedisOperations {
    memory: MemoryOperations,
    connection: ConnectionManager,
    address: String,
    prefix: String,
    keep: Duration,
    /// Until when Redis is left alone.
    away_until: Mutex<Option<Instant>>,
}

impl RedisOperations {
    /// Of the deployment with this log. `memory` is what this node keeps at hand; Redis keeps a document for `keep`.
    /// Connects when it is used first; the only error is [`BusError::Url`]. Must be called within a Tokio runtime.
    pub fn open(url: &str, log: LogId, memory: MemoryOperations, keep: Duration) -> Result<Self, BusError> {
        let (client, address) = client(url)?;
        Ok(Self {
            memory,
            connection: lazy(client).map_err(|_| BusError::Url)?,
            address,
            prefix: format!("orderwire:{:08x}:operation:", log.0),
            keep,
            away_until: Mutex::new(None),
        })
    }

    fn key(&self, hash: [u8; 32]) -> String {
        hash.iter().fold(self.prefix.clone(), |key, byte| key + &format!("{byte:02x}"))
    }

    /// What Redis answers; `None` when it is away.
    async fn ask<T>(&self, work: impl Future<Output = Result<T, RedisError>>) -> Option<T> {
        let was_away = match *self.away_until() {
            Some(until) if Instant::now() < until => return None,
            away => away.is_some(),
        };
        let failure = match timeout(PATIENCE, work).await {
            Ok(Ok(answer)) => {
                if was_away {
                    info!(address = self.address, "Redis is back: operations are shared between nodes");
                }
                *self.away_until() = None;
                return Some(answer);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {PATIENCE:?}"),
        };
        if !was_away {
            warn!(
                address = self.address,
                failure, "no Redis: operations that clients register are known to this node only"
            );
        }
        *self.away_until() = Some(Instant::now() + PAUSE);
        None
    }

    fn away_until(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.away_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reconnects by itself.
fn lazy(client: Client) -> Result<ConnectionManager, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE))
        .set_number_of_retries(0);
    ConnectionManager::new_lazy_with_config(client, config)
}

#[async_trait]
impl OperationStore for RedisOperations {
    async fn get(&self, hash: [u8; 32]) -> Option<Arc<str>> {
        if let Some(document) = self.memory.get(hash).await {
            return Some(document);
        }
        let mut connection = self.connection.clone();
        let document: Option<String> = self.ask(connection.get(self.key(hash))).await?;
        let document: Arc<str> = document?.into();
        self.memory.put(hash, document.clone()).await;
        Some(document)
    }

    async fn put(&self, hash: [u8; 32], document: Arc<str>) {
        let mut connection = self.connection.clone();
        let (key, seconds) = (self.key(hash), self.keep.as_secs().max(1));
        self.ask(connection.set_ex::<_, _, ()>(key, &*document, seconds)).await;
        self.memory.put(hash, document).await;
    }
}

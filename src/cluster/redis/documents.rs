//! Registered documents of all nodes, kept in Redis.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    bounded::{Bounded, Value},
    client::{CALL_TIMEOUT, ConnectError, OptionalRedis},
};
use crate::{
    cluster::{
        MemoryDocuments, RegisteredDocuments,
        documents::{ENTRY_BYTES, Hash, hash_of},
    },
    domain::LogId,
    fairness::Caller,
};

/// What Redis keeps of registered documents.
#[derive(Debug, Clone, Copy)]
pub struct DocumentRetention {
    /// How long it keeps a document after it was registered.
    pub keep: Duration,
    /// Estimated bytes of all documents; the oldest ones are deleted first.
    pub bytes: u64,
}

/// [`RegisteredDocuments`] shared by the nodes of a deployment. While Redis is away, each node has its own.
pub struct RedisDocuments {
    memory: MemoryDocuments,
    redis: OptionalRedis,
    prefix: String,
    shared: Bounded,
}

impl RedisDocuments {
    /// The documents of the deployment with this log. `memory` caches them on this node. The only error is
    /// [`ConnectError::Url`]: the connection is made at the first call. Must be called within a Tokio runtime.
    pub fn open(
        url: &str,
        log: LogId,
        memory: MemoryDocuments,
        retention: DocumentRetention,
    ) -> Result<Self, ConnectError> {
        let redis = OptionalRedis::open(url, "registered documents", CALL_TIMEOUT)?;
        let prefix = format!("orderwire:{:08x}:", log.0);
        let shared = Bounded::new(&prefix, "operations", retention.keep, retention.bytes);
        Ok(Self { memory, redis, prefix, shared })
    }

    /// The key of a document by the hash of its canonical text.
    fn document_key(&self, hash: Hash) -> String {
        format!("{}operation:{}", self.prefix, hex::encode(hash))
    }

    /// The document in Redis under this hash, and the hash of its canonical text.
    async fn load(&self, hash: Hash) -> Option<(Hash, String)> {
        let mut both = redis::pipe();
        both.cmd("GET").arg(self.document_key(hash));
        both.cmd("GET").arg(format!("{}spelling:{}", self.prefix, hex::encode(hash)));
        let (document, canonical): (Option<String>, Option<String>) =
            self.redis.call(async |connection| both.query_async(connection).await).await?;
        if let Some(document) = document {
            return Some((hash, document));
        }
        let mut hash = Hash::default();
        hex::decode_to_slice(canonical?, &mut hash).ok()?;
        let mut get = redis::cmd("GET");
        get.arg(self.document_key(hash));
        let document: Option<String> = self.redis.call(async |connection| get.query_async(connection).await).await?;
        Some((hash, document?))
    }
}

#[async_trait]
impl RegisteredDocuments for RedisDocuments {
    async fn get(&self, hash: [u8; 32]) -> Option<Arc<str>> {
        if let Some(document) = self.memory.find(hash) {
            return Some(document);
        }
        let (canonical, document) = self.load(hash).await?;
        let document: Arc<str> = document.into();
        self.memory.insert(hash, canonical, document.clone());
        Some(document)
    }

    async fn put(&self, hash: [u8; 32], document: Arc<str>, _: Caller) {
        let canonical = hash_of(&document);
        let name = hex::encode(canonical);
        let text = Value {
            name: format!("operation:{name}"),
            bytes: document.len() + ENTRY_BYTES,
            value: document.as_bytes(),
        };
        let spelling = (hash != canonical).then(|| Value {
            name: format!("spelling:{}", hex::encode(hash)),
            bytes: ENTRY_BYTES,
            value: name.as_bytes(),
        });
        self.shared.put(&self.redis, [text].into_iter().chain(spelling)).await;
        self.memory.insert(hash, canonical, document);
    }
}

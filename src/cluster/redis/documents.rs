//! Registered documents of all nodes, kept in Redis.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use async_trait::async_trait;
use redis::Script;

use super::client::{ConnectError, OptionalRedis};
use crate::{
    cluster::{
        MemoryDocuments, RegisteredDocuments,
        documents::{ENTRY_BYTES, Hash, hash_of},
    },
    domain::LogId,
    fairness::Caller,
};

/// Stores values under keys for a time, and deletes the oldest ones for as long as all take more bytes than they may.
///
/// The index is a sorted set of `<bytes>:<key>` by the time at which the key expires; `total` is the sum of the bytes in it.
/// Both outlive the keys, and are made anew if either is missing. Arguments: milliseconds to keep, the most bytes, the
/// prefix of keys, and for each key its rest, its bytes and its value.
static STORE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local index, total, keep, most, prefix = KEYS[1], KEYS[2], tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local bytes = tonumber(redis.call('GET', total))
        if not bytes or redis.call('EXISTS', index) == 0 then
            redis.call('DEL', index)
            bytes = 0
        end
        for at = 4, #ARGV, 3 do
            local key, size, value = ARGV[at], ARGV[at + 1], ARGV[at + 2]
            if redis.call('ZADD', index, now + keep, size .. ':' .. key) == 1 then bytes = bytes + size end
            redis.call('SET', prefix .. key, value, 'PX', keep)
        end
        local function drop(member)
            local size, key = member:match('^(%d+):(.*)$')
            redis.call('ZREM', index, member)
            redis.call('DEL', prefix .. key)
            bytes = bytes - size
        end
        for _, member in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', 0, 1000)) do drop(member) end
        while bytes > most do
            local oldest = redis.call('ZRANGE', index, 0, 0)[1]
            if not oldest then break end
            drop(oldest)
        end
        redis.call('SET', total, string.format('%.0f', bytes), 'PX', 2 * keep)
        redis.call('PEXPIRE', index, 2 * keep)
        return bytes",
    )
});

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
    retention: DocumentRetention,
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
        let redis = OptionalRedis::open(url, "registered documents")?;
        Ok(Self { memory, redis, prefix: format!("orderwire:{:08x}:", log.0), retention })
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
        let mut store = STORE.key(format!("{}operations", self.prefix));
        store.key(format!("{}operations:bytes", self.prefix));
        store.arg(u64::try_from(self.retention.keep.as_millis()).unwrap_or(u64::MAX).max(1));
        store.arg(self.retention.bytes).arg(&self.prefix);
        store.arg(format!("operation:{name}")).arg(document.len() + ENTRY_BYTES).arg(&*document);
        if hash != canonical {
            store.arg(format!("spelling:{}", hex::encode(hash))).arg(ENTRY_BYTES).arg(name);
        }
        let _: Option<u64> = self.redis.call(async |connection| store.invoke_async(connection).await).await;
        self.memory.insert(hash, canonical, document);
    }
}

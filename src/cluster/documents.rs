//! GraphQL documents that clients registered under their hash. From then on they send only the hash.
//!
//! Decision: `docs/decisions/0011-registered-operations.md`.

use std::sync::Arc;

use async_trait::async_trait;
use moka::sync::Cache;

/// Remembers registered documents. It may forget any of them: the client then sends the document again.
#[async_trait]
pub trait RegisteredDocuments: Send + Sync + 'static {
    /// The document with this SHA-256 hash, if it is known.
    async fn get(&self, hash: [u8; 32]) -> Option<Arc<str>>;

    /// Remembers a document under its SHA-256 hash. Best effort: never an error, never a long wait.
    async fn put(&self, hash: [u8; 32], document: Arc<str>);
}

/// [`RegisteredDocuments`] of this node alone. Evicts the least used.
pub struct MemoryDocuments(Cache<[u8; 32], Arc<str>>);

impl MemoryDocuments {
    /// Bounded to this many bytes.
    pub fn new(bytes: u64) -> Self {
        let weigh =
            |_: &[u8; 32], document: &Arc<str>| u32::try_from(document.len()).unwrap_or(u32::MAX).saturating_add(128);
        Self(Cache::builder().max_capacity(bytes).weigher(weigh).build())
    }
}

#[async_trait]
impl RegisteredDocuments for MemoryDocuments {
    async fn get(&self, hash: [u8; 32]) -> Option<Arc<str>> {
        self.0.get(&hash)
    }

    async fn put(&self, hash: [u8; 32], document: Arc<str>) {
        self.0.insert(hash, document);
    }
}

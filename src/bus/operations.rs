//! Documents that clients registered under their hash, to send only the hash from then on.

use std::sync::Arc;

use async_trait::async_trait;
use moka::sync::Cache;

/// Remembers documents. It may forget them: a client then sends the document again.
#[async_trait]
pub trait OperationStore: Send + Sync + 'static {
    /// The document with this SHA-256 hash, if it is known.
    async fn get(&self, hash: [u8; 32]) -> Option<Arc<str>>;

    /// Remembers a document, whose SHA-256 hash this is. Never fails and never takes long.
    async fn put(&self, hash: [u8; 32], document: Arc<str>);
}

/// An [`OperationStore`] of this node alone, which forgets what is used least.
pub struct MemoryOperations(Cache<[u8; 32], Arc<str>>);

impl MemoryOperations {
    /// With room for this many bytes.
    pub fn new(bytes: u64) -> Self {
        let weigh =
            |_: &[u8; 32], document: &Arc<str>| u32::try_from(document.len()).unwrap_or(u32::MAX).saturating_add(128);
        Self(Cache::builder().max_capacity(bytes).weigher(weigh).build())
    }
}

impl Default for MemoryOperations {
    /// 8 MiB.
    fn default() -> Self {
        Self::new(8 * 1024 * 1024)
    }
}

#[async_trait]
impl OperationStore for MemoryOperations {
    async fn get(&self, hash: [u8; 32]) -> Option<Arc<str>> {
        self.0.get(&hash)
    }

    async fn put(&self, hash: [u8; 32], document: Arc<str>) {
        self.0.insert(hash, document);
    }
}

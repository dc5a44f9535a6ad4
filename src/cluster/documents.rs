//! GraphQL documents that clients registered under their hash. From then on they send only the hash.
//!
//! Clients write one document in several ways, with other white space or comments, and hash what they wrote. Such documents
//! have one canonical text, which is stored once under its own hash; the hashes of the other spellings only lead to it.
//!
//! Decision: `docs/decisions/0011-registered-operations.md`.

use std::sync::Arc;

use async_trait::async_trait;
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use super::RateLimiter;
use crate::{domain::TokenBucket, fairness::Caller, telemetry::metrics::metrics};

/// A SHA-256 hash.
pub(super) type Hash = [u8; 32];

/// Estimated bytes of an entry without the text of a document.
pub(super) const ENTRY_BYTES: usize = 256;

/// Remembers registered documents. It may forget any of them: the client then sends the document again.
#[async_trait]
pub trait RegisteredDocuments: Send + Sync + 'static {
    /// The canonical text of the document that is known under this hash.
    async fn get(&self, hash: [u8; 32]) -> Option<Arc<str>>;

    /// Remembers the canonical text of a document under the SHA-256 hash of what `registrar` sent. Best effort: never an
    /// error, never a long wait.
    async fn put(&self, hash: [u8; 32], document: Arc<str>, registrar: Caller);
}

/// The hash of a canonical text.
pub(super) fn hash_of(document: &str) -> Hash {
    Sha256::digest(document).into()
}

/// [`RegisteredDocuments`] of this node alone. Evicts the least used.
pub struct MemoryDocuments(Cache<Hash, Entry>);

#[derive(Clone)]
enum Entry {
    Document(Arc<str>),
    /// The hash of the canonical text.
    Spelling(Hash),
}

impl MemoryDocuments {
    /// Bounded to this many bytes.
    pub fn new(bytes: u64) -> Self {
        let weigh = |_: &Hash, entry: &Entry| {
            let text = if let Entry::Document(document) = entry { document.len() } else { 0 };
            u32::try_from(text + ENTRY_BYTES).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(bytes).weigher(weigh).build())
    }

    /// The document of this hash.
    pub(super) fn find(&self, hash: Hash) -> Option<Arc<str>> {
        match self.0.get(&hash)? {
            Entry::Document(document) => Some(document),
            Entry::Spelling(canonical) => match self.0.get(&canonical)? {
                Entry::Document(document) => Some(document),
                Entry::Spelling(_) => None,
            },
        }
    }

    /// Remembers a document whose canonical text has the hash `canonical` under `hash`.
    pub(super) fn insert(&self, hash: Hash, canonical: Hash, document: Arc<str>) {
        if hash != canonical {
            self.0.insert(hash, Entry::Spelling(canonical));
        }
        self.0.insert(canonical, Entry::Document(document));
    }
}

#[async_trait]
impl RegisteredDocuments for MemoryDocuments {
    async fn get(&self, hash: [u8; 32]) -> Option<Arc<str>> {
        self.find(hash)
    }

    async fn put(&self, hash: [u8; 32], document: Arc<str>, _: Caller) {
        self.insert(hash, hash_of(&document), document);
    }
}

/// [`RegisteredDocuments`] of which each user, and each address without a user, may register so many bytes. What exceeds
/// that is not remembered. Orderwire itself has no limit.
pub struct LimitedDocuments {
    /// Where the documents are kept.
    pub documents: Arc<dyn RegisteredDocuments>,
    /// Counts the bytes of each user and address.
    pub limiter: Arc<dyn RateLimiter>,
    /// The bytes that one user may register; `None` for no limit.
    pub bytes_per_user: Option<TokenBucket>,
    /// The bytes that one address may register for clients that are not signed in; `None` for no limit.
    pub bytes_per_address: Option<TokenBucket>,
}

impl LimitedDocuments {
    /// The bucket that counts what a caller registers; `None` when there is no limit.
    fn bucket(&self, registrar: Caller) -> Option<(String, TokenBucket)> {
        match registrar {
            Caller::User(id) => Some((format!("documents:{id}"), self.bytes_per_user?)),
            Caller::Key(id) => Some((format!("documents:{id}"), self.bytes_per_user?)),
            Caller::Address(address) => Some((format!("documents:{address}"), self.bytes_per_address?)),
            Caller::Server => None,
        }
    }
}

#[async_trait]
impl RegisteredDocuments for LimitedDocuments {
    async fn get(&self, hash: [u8; 32]) -> Option<Arc<str>> {
        self.documents.get(hash).await
    }

    async fn put(&self, hash: [u8; 32], document: Arc<str>, registrar: Caller) {
        if let Some((key, bytes)) = self.bucket(registrar) {
            let size = (document.len() + ENTRY_BYTES) as u64;
            if self.limiter.take(&key, bytes, size).await.is_err() {
                metrics().refusals.with_labels(["registered_bytes"]).inc();
                return;
            }
        }
        self.documents.put(hash, document, registrar).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn spellings_of_a_document_share_its_text() {
        let documents = MemoryDocuments::new(1 << 20);
        let text: Arc<str> = "{me{id}}".into();
        documents.put(hash_of("{ me { id } }"), text.clone(), Caller::Server).await;
        documents.put(hash_of("{ me { id }, }"), "{me{id}}".into(), Caller::Server).await;
        let found =
            [hash_of(&text), hash_of("{ me { id } }"), hash_of("{ me { id }, }")].map(|hash| documents.find(hash));
        let [canonical, one, other] = found.map(Option::unwrap);
        assert_eq!(&*canonical, "{me{id}}");
        assert!(Arc::ptr_eq(&canonical, &one) && Arc::ptr_eq(&canonical, &other));
        assert_eq!(documents.find(hash_of("{ me }")), None);
    }
}

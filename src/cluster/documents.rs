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
use crate::{
    domain::{ClientAddress, TokenBucket},
    telemetry::metrics::metrics,
};

/// A SHA-256 hash.
pub(super) type Hash = [u8; 32];

/// Estimated bytes of an entry without the text of a document.
pub(super) const ENTRY_BYTES: usize = 256;

/// Remembers registered documents. It may forget any of them: the client then sends the document again.
#[async_trait]
pub trait RegisteredDocuments: Send + Sync + 'static {
    /// The canonical text of the document that is known under this hash.
    async fn get(&self, hash: [u8; 32]) -> Option<Arc<str>>;

    /// Remembers the canonical text of a document under the SHA-256 hash of what `client` sent; `None` for a client that is
    /// not limited by its address. Best effort: never an error, never a long wait.
    async fn put(&self, hash: [u8; 32], document: Arc<str>, client: Option<ClientAddress>);
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

    async fn put(&self, hash: [u8; 32], document: Arc<str>, _: Option<ClientAddress>) {
        self.insert(hash, hash_of(&document), document);
    }
}

/// [`RegisteredDocuments`] of which each client address may register so many bytes. What exceeds that is not remembered.
pub struct LimitedDocuments {
    /// Where the documents are kept.
    pub documents: Arc<dyn RegisteredDocuments>,
    /// Counts the bytes of each address.
    pub limiter: Arc<dyn RateLimiter>,
    /// The bytes that one address may register; `None` for no limit.
    pub bytes: Option<TokenBucket>,
}

#[async_trait]
impl RegisteredDocuments for LimitedDocuments {
    async fn get(&self, hash: [u8; 32]) -> Option<Arc<str>> {
        self.documents.get(hash).await
    }

    async fn put(&self, hash: [u8; 32], document: Arc<str>, client: Option<ClientAddress>) {
        if let (Some(address), Some(bytes)) = (client, self.bytes) {
            let size = (document.len() + ENTRY_BYTES) as u64;
            if self.limiter.take(&format!("documents:{address}"), bytes, size).await.is_err() {
                metrics().refusals.with_labels(["registered_bytes"]).inc();
                return;
            }
        }
        self.documents.put(hash, document, client).await;
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use super::*;
    use crate::cluster::MemoryRateLimiter;

    #[tokio::test]
    async fn spellings_of_a_document_share_its_text() {
        let documents = MemoryDocuments::new(1 << 20);
        let text: Arc<str> = "{me{id}}".into();
        documents.put(hash_of("{ me { id } }"), text.clone(), None).await;
        documents.put(hash_of("{ me { id }, }"), "{me{id}}".into(), None).await;
        let found =
            [hash_of(&text), hash_of("{ me { id } }"), hash_of("{ me { id }, }")].map(|hash| documents.find(hash));
        let [canonical, one, other] = found.map(Option::unwrap);
        assert_eq!(&*canonical, "{me{id}}");
        assert!(Arc::ptr_eq(&canonical, &one) && Arc::ptr_eq(&canonical, &other));
        assert_eq!(documents.find(hash_of("{ me }")), None);
    }

    #[tokio::test]
    async fn an_address_registers_no_more_than_its_bytes() {
        let documents = LimitedDocuments {
            documents: Arc::new(MemoryDocuments::new(1 << 20)),
            limiter: Arc::new(MemoryRateLimiter::default()),
            bytes: Some(TokenBucket::new(3 * 1000, Duration::from_secs(3600))),
        };
        let text = |number: usize| -> Arc<str> { format!("{number:0>744}").into() };
        let put = async |number, last: Option<u8>| {
            let client = last.map(|last| ClientAddress::V4(Ipv4Addr::new(192, 0, 2, last)));
            documents.put(hash_of(&text(number)), text(number), client).await;
            documents.get(hash_of(&text(number))).await.is_some()
        };
        let mut kept = Vec::new();
        for (number, last) in [Some(1), Some(1), Some(1), Some(1), Some(2), None].into_iter().enumerate() {
            kept.push(put(number, last).await);
        }
        assert_eq!(kept, [true, true, true, false, true, true]);
    }
}

//! SHA-256 hashes of documents: the cache and the registry find documents by them.

use sha2::{Digest, Sha256};

/// The SHA-256 hash of a document.
pub type DocumentHash = [u8; 32];

/// Hashes the text of a document.
pub(super) fn hash(text: &str) -> DocumentHash {
    Sha256::digest(text).into()
}

/// Parses a hash that is written as 64 hexadecimal digits.
pub(super) fn parse_hex(text: &str) -> Option<DocumentHash> {
    let mut hash = DocumentHash::default();
    hex::decode_to_slice(text, &mut hash).ok()?;
    Some(hash)
}

//! Hashes that stand for an input.

use sha2::{Digest, Sha256};

/// SHA-256 over the parts of an input, such as that of an idempotency key. Each part is preceded by its length, so that
/// no two inputs have the same bytes.
pub fn fingerprint(parts: impl IntoIterator<Item = impl AsRef<str>>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        let part = part.as_ref();
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

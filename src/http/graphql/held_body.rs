//! Bytes of answers that count as in flight until the connection has taken them.
//!
//! Decision: `docs/decisions/0021-what-a-client-may-hold.md`.

use axum::body::Bytes;

use crate::graphql::HeldBytes;

/// Smaller chunks of streams are not counted: a connection has one of them at most.
pub(in crate::http) const UNCOUNTED: usize = 4 * 1024;

/// A chunk of a body with the bytes that it holds of the budget. The server drops it when the connection has taken all of
/// it, or has ended.
struct HeldChunk {
    bytes: Vec<u8>,
    _held: HeldBytes,
}

impl AsRef<[u8]> for HeldChunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The chunk as it is sent. `held` holds its bytes.
pub(in crate::http) fn held_chunk(bytes: Vec<u8>, held: HeldBytes) -> Bytes {
    Bytes::from_owner(HeldChunk { bytes, _held: held })
}

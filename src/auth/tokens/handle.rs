//! Handles of sessions: they stand for a session's id where more people see it than its owner.

use rand::RngCore;
use sha2::{Digest, Sha256};

use crate::domain::SessionId;

const NONCE_BYTES: usize = 16;

/// Makes handles and reads them. Nodes with the same signing key read each other's.
pub(super) struct SessionHandles {
    key: [u8; 32],
}

impl SessionHandles {
    /// The handles of servers that sign with this secret.
    pub(super) fn new(secret: &[u8]) -> Self {
        let hash = Sha256::new().chain_update("orderwire session handle").chain_update([0]).chain_update(secret);
        Self { key: hash.finalize().into() }
    }

    /// A handle: random bytes, then the session's id, hidden by a hash of the key and these bytes. It says nothing about
    /// who made it; the signature around it does.
    pub(super) fn make(&self, session: SessionId) -> [u8; 32] {
        let mut handle = [0; 32];
        let (nonce, hidden) = handle.split_at_mut(NONCE_BYTES);
        rand::rng().fill_bytes(nonce);
        hidden.copy_from_slice(&self.mask(nonce, session.to_bytes()));
        handle
    }

    /// The session of a handle, if it has the length of one.
    pub(super) fn read(&self, handle: &[u8]) -> Option<SessionId> {
        let (nonce, hidden) = handle.split_at_checked(NONCE_BYTES)?;
        Some(SessionId::from_bytes(self.mask(nonce, hidden.try_into().ok()?)))
    }

    /// Hides 16 bytes, or shows them again.
    fn mask(&self, nonce: &[u8], mut bytes: [u8; 16]) -> [u8; 16] {
        let mask = Sha256::new().chain_update(self.key).chain_update(nonce).finalize();
        for (byte, mask) in bytes.iter_mut().zip(mask) {
            *byte ^= mask;
        }
        bytes
    }
}

//! Idempotency keys: what makes a mutation safe to repeat.

use ulid::Ulid;

use super::{Refusal, UserId};

/// SHA-256 of a mutation's input.
pub type Fingerprint = [u8; 32];

/// The key that a client sends with a mutation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Owner of the key; the same text of another user is another key.
    pub user: UserId,
    /// Name of the mutation, so that one key text can serve several.
    pub scope: &'static str,
    /// The client's text.
    pub key: String,
    /// Tells whether a repeated key comes with the same input.
    pub fingerprint: Fingerprint,
}

/// What is stored about a key that was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedKey {
    /// Of the input of the first call.
    pub fingerprint: Fingerprint,
    /// Id of the entity that the first call made or changed.
    pub entity: Ulid,
}

impl Idempotency {
    /// The entity that answers a call with this key, which was used before: the one of the first call, if the input is
    /// the same.
    pub fn replay(&self, used: &UsedKey) -> Result<Ulid, Refusal> {
        if used.fingerprint == self.fingerprint { Ok(used.entity) } else { Err(Refusal::IdempotencyKeyReused) }
    }

    /// What to store about the key when it is used for `entity`.
    pub fn used_for(&self, entity: Ulid) -> UsedKey {
        UsedKey { fingerprint: self.fingerprint, entity }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_answers_for_the_same_input_only() {
        let key = Idempotency {
            user: UserId::from_bytes([1; 16]),
            scope: "placeOrder",
            key: "1".to_owned(),
            fingerprint: [1; 32],
        };
        let entity = Ulid::from_parts(1, 2);
        let used = key.used_for(entity);
        assert_eq!(key.replay(&used), Ok(entity));
        let other_input = Idempotency { fingerprint: [2; 32], ..key };
        assert_eq!(other_input.replay(&used), Err(Refusal::IdempotencyKeyReused));
    }
}

//! Long texts in the event log. An entry holds its entity, but a text of more than [`LONG`] bytes is stored once, by its
//! hash, however many entries have it.

use sha2::{Digest, Sha256};

use crate::domain::Entity;

/// Bytes of the longest text that is stored with each entry.
const LONG: usize = 4096;

/// The SHA-256 of a long text.
pub(super) type TextHash = [u8; 32];

/// What an entry stores of its entity.
pub(super) struct StoredEntity {
    /// The entity, without its description if that is a long text.
    pub(super) entity: Entity,
    /// The long text, which is stored apart.
    pub(super) text: Option<(TextHash, String)>,
}

impl StoredEntity {
    /// Parts an entity from its long text.
    pub(super) fn new(entity: &Entity) -> Self {
        let mut entity = entity.clone();
        let is_long = entity.description().is_some_and(|text| text.len() > LONG);
        let text = if is_long { entity.take_description() } else { None };
        Self { entity, text: text.map(|text| (Sha256::digest(&text).into(), text)) }
    }
}

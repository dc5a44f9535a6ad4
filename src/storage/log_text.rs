//! Long texts in the event log. An entry holds its entity, but a text of more than [`LONG`] bytes is stored once, by its
//! hash, however many entries have it. Metadata of more bytes becomes such a text, together with the description.
//!
//! Decision: `docs/decisions/0035-metadata.md`.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Result, StoreError};
use crate::domain::{Entity, Metadata};

/// Bytes of the longest text that is stored with each entry.
const LONG: usize = 4096;
/// Begins a text that holds metadata. No description has this character.
const WITH_METADATA: char = '\u{1}';

/// The SHA-256 of a long text.
pub(super) type TextHash = [u8; 32];

/// What an entry stores of its entity.
pub(super) struct StoredEntity {
    /// The entity, without what the long text holds.
    pub(super) entity: Entity,
    /// The long text, which is stored apart.
    pub(super) text: Option<(TextHash, String)>,
}

/// A text that holds metadata.
#[derive(Serialize, Deserialize)]
struct WithMetadata {
    description: Option<String>,
    metadata: Metadata,
}

impl StoredEntity {
    /// Parts an entity from its long text.
    pub(super) fn new(entity: &Entity) -> Result<Self> {
        let mut entity = entity.clone();
        let text = take_long(&mut entity)?;
        Ok(Self { entity, text: text.map(|text| (Sha256::digest(&text).into(), text)) })
    }
}

fn take_long(entity: &mut Entity) -> Result<Option<String>> {
    if entity.metadata().is_some_and(|metadata| metadata.memory() > LONG) {
        let description = entity.take_description();
        let metadata = entity.metadata_mut().map(std::mem::take).unwrap_or_default();
        let json = serde_json::to_string(&WithMetadata { description, metadata }).map_err(StoreError::internal)?;
        return Ok(Some(format!("{WITH_METADATA}{json}")));
    }
    let is_long = entity.description().is_some_and(|text| text.len() > LONG);
    Ok(if is_long { entity.take_description() } else { None })
}

/// Gives an entity its long text back.
pub(super) fn restore(entity: &mut Entity, text: &str) -> serde_json::Result<()> {
    let Some(json) = text.strip_prefix(WITH_METADATA) else {
        entity.set_description(text.to_owned());
        return Ok(());
    };
    let WithMetadata { description, metadata } = serde_json::from_str(json)?;
    if let Some(description) = description {
        entity.set_description(description);
    }
    if let Some(stored) = entity.metadata_mut() {
        *stored = metadata;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CurrencyCode, Decimal, NewProduct, Product, ProductId, Timestamp};

    fn product(description: usize, metadata: usize) -> Entity {
        let at = Timestamp::from_unix_millis(1);
        let new = NewProduct::new("lamp", "Lamp", Decimal::ZERO, CurrencyCode::GBP);
        let lamp = new.create(ProductId::derived(at, "test", "lamp"), at);
        let item = |number: usize| (number.to_string(), "v\n".repeat(50));
        let metadata = Metadata { private: (0..metadata).map(item).collect(), ..Metadata::default() };
        let description = (description > 0).then(|| "d".repeat(description));
        Product { description, metadata, ..lamp }.into()
    }

    #[test]
    fn only_long_parts_are_stored_apart_and_all_come_back() {
        for (description, metadata, apart) in
            [(0, 0, false), (4096, 5, false), (4097, 5, true), (0, 50, true), (10, 50, true), (5000, 50, true)]
        {
            let entity = product(description, metadata);
            let StoredEntity { entity: mut stored, text } = StoredEntity::new(&entity).unwrap();
            assert_eq!(text.is_some(), apart, "{description} {metadata}");
            assert!(stored.to_json().unwrap().len() < 10_000);
            if let Some((_, text)) = &text {
                assert_ne!(stored, entity);
                restore(&mut stored, text).unwrap();
            }
            assert_eq!(stored, entity, "{description} {metadata}");
        }
    }
}
